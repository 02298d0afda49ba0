#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "eval/graders/code/extract_code.h"
#include "eval/graders/code/judge.h"
#include "eval/graders/code/plain_value.h"
#include "eval/graders/code/text_compare.h"
#include "support/sandbox_support.h"

namespace qreason {
namespace {

TEST(ExtractCode, TakesTheLastClosedBlock) {
  EXPECT_EQ(extract_code("```python\na\n```\n```\nb\n```"), "a\n");  // Python before others
  EXPECT_EQ(extract_code("```\na\n```\n```\nb\n```"), "b\n");
  EXPECT_EQ(extract_code("```python\na\n```\n```py\nb\n```\n"), "b\n");
  EXPECT_EQ(extract_code("```python\na\n```\n```python\nb"), "a\n");
  EXPECT_EQ(extract_code("```python\na\n```</think>no code"), "");
  EXPECT_EQ(extract_code("1. So:\n   ```Python3\n   if x:\n     y\n   ```"), "if x:\n  y\n");
  EXPECT_EQ(extract_code("Write ```x``` as ```python\na\n```"), "");
  EXPECT_EQ(extract_code("Here: ```python\r\na\r\n```\r\n"), "a\r\n");
  EXPECT_EQ(extract_code("````python\nif x:\n  y\n````"), "if x:\n  y\n");
  EXPECT_EQ(extract_code(""), "");
}

// Each line was tried in Python: LiveCodeBench's comparison of two texts.
TEST(EqualOutputs, ComparesAsPythonDoes) {
  const std::vector<std::pair<std::string, std::string>> equal{
      {"6", "6\n"},
      {"\n \t6 \n\n", "6"},
      {"6\r\n7", "6\n7"},
      {"6.0", "6"},
      {"6E0", "6"},
      {"+006", "6"},
      {"1_0", "10"},
      {"_1__0_", "10"},
      {"1E1", "10"},
      {"-0", "0"},
      {"0E99", "0"},
      {"1 2.50", "1  2.5"},
      {"6\xc2\xa0", "6"},
      {"\xe3\x80\x80"
       "6",
       "6"},
      {"\x1c"
       "6",
       "6"},
      {"Infinity", "inf"},
      {".5", "0.5"},
      {"5.", "5"},
      {"\xef\xbc\x96", "6"},
      {"a\xe2\x80\xa8"
       "b",
       "a\xe2\x80\xa8"
       "b"},
      {"", " \n"},
      {"1e400", "10e399"},
      {"123456789012345678901234567890.10", "123456789012345678901234567890.1"}};
  for (const auto& [output, expected] : equal) EXPECT_TRUE(equal_outputs(output, expected)) << output;
  const std::vector<std::pair<std::string, std::string>> different{{"6,000", "6000"},
                                                                   {"1\r2", "1\n2"},
                                                                   {"6 \xff\xfe", "6"},
                                                                   {std::string("6\0", 2), "6"},
                                                                   {"nan", "NaN"},
                                                                   {"1\n\n2", "1\n2"},
                                                                   {"1 2", "1\n2"},
                                                                   {"4.5000001", "4.5"},
                                                                   {"0x6", "6"},
                                                                   {"6e", "6"},
                                                                   {".", "0"},
                                                                   {"_", "0"},
                                                                   {"1e9999999999999999999", "1"},
                                                                   {"yes", "YES"},
                                                                   {"- 6", "-6"},
                                                                   {"inf", "-inf"},
                                                                   {"1.", "1.1"},
                                                                   {"123456789012345678901", "123456789012345678902"}};
  for (const auto& [output, expected] : different) EXPECT_FALSE(equal_outputs(output, expected)) << output;
}

bool equals(std::string_view report, std::string_view json) {
  return equal_values(parse_reported_value(report), parse_expected_value(json, "x"));
}

TEST(PlainValues, AreEqualAsInPython) {
  EXPECT_TRUE(equals("i1;", "1"));
  EXPECT_TRUE(equals("T", "1"));
  EXPECT_TRUE(equals("i1;", "true"));
  EXPECT_TRUE(equals("F", "0.0"));
  EXPECT_TRUE(equals("f0x1.8p+0;", "1.5"));
  EXPECT_TRUE(equals("f0x1p+0;", "1"));
  EXPECT_TRUE(equals("i-de0b6b3a7640000;", "-1000000000000000000"));
  EXPECT_TRUE(equals("i56bc75e2d63100000;", "100000000000000000000"));
  EXPECT_TRUE(equals("l2;i1;s2;\xc3\xa9", "[1, \"\xc3\xa9\"]"));
  EXPECT_TRUE(equals("d2;s1;bi2;s1;ai1;", R"({"a": 1, "b": 2})"));
  EXPECT_TRUE(equals("d1;s1;ai2;", R"({"a": 1, "a": 2})"));
  EXPECT_TRUE(equals("N", "null"));
  EXPECT_FALSE(equals("i20000000000001;", "9007199254740992.0"));  // 2^53 + 1
  EXPECT_FALSE(equals("i56bc75e2d63100001;", "100000000000000000000"));
  EXPECT_FALSE(equals("t1;i1;", "[1]"));
  EXPECT_FALSE(equals("l1;t1;i1;", "[[1]]"));
  EXPECT_FALSE(equals("s1;1", "1"));
  EXPECT_FALSE(equals("N", "0"));
  EXPECT_FALSE(equals("d1;i1;i2;", R"({"1": 2})"));
  EXPECT_FALSE(equals("d0;", "[]"));
  EXPECT_FALSE(equals("X", "null"));
  EXPECT_FALSE(equals("l1;X", "[null]"));
  EXPECT_FALSE(equals("fnan;", "0"));
  EXPECT_FALSE(equal_values({.kind = PlainValue::Kind::kFloat, .number = std::numeric_limits<double>::quiet_NaN()},
                            {.kind = PlainValue::Kind::kFloat, .number = std::numeric_limits<double>::quiet_NaN()}));
}

TEST(PlainValues, WhatIsNoReportEqualsNothing) {
  for (const char* report : {"", "i;", "ix;", "i1", "l2;i1;", "l99999999999;", "s5;ab", "NN", "i1;i1;", "d1;N", "true",
                             "[]", "f1;2", "f;", "l-1;"})
    EXPECT_EQ(parse_reported_value(report).kind, PlainValue::Kind::kOther) << report;
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "l1;";
  EXPECT_EQ(parse_reported_value(deep).kind, PlainValue::Kind::kOther);
  EXPECT_THROW(parse_expected_value("[1", "x"), Error);
  EXPECT_THROW(parse_expected_value(std::string(100000, '['), "x"), Error);
}

CodeProblem doubled() {
  CodeProblem problem{.function = "twice", .tests = {}};
  for (int i = 0; i < 20; ++i) problem.tests.push_back({std::to_string(i), std::to_string(2 * i)});
  return problem;
}

TEST(CodeJudge, TheFirstFailureInOrderDecides) {
  QREASON_REQUIRE_SANDBOX();
  CodeJudge judge({}, 3);
  EXPECT_EQ(judge.judge("class Solution:\n    def twice(self, n): return 2 * n", doubled(), "x").outcome,
            TestOutcome::kPassed);
  const CodeVerdict verdict = judge.judge(
      "class Solution:\n    def twice(self, n):\n        if n == 7: raise ValueError('seven')\n"
      "        return 2 * n if n < 9 else None",
      doubled(), "x");
  EXPECT_EQ(verdict.outcome, TestOutcome::kRuntimeError);
  EXPECT_EQ(verdict.test, 7U);
  EXPECT_EQ(verdict.detail, "ValueError: seven");
}

TEST(CodeJudge, IdiomsOfHonestPrograms) {
  QREASON_REQUIRE_SANDBOX();
  CodeJudge judge({}, 1);
  const CodeProblem echo{.tests = {{"5\n", "5\n"}}};
  for (const char* program :
       {"import atexit, io, sys\nbuffer = io.StringIO()\nsys.stdout = buffer\n"
        "@atexit.register\ndef write(): sys.__stdout__.write(buffer.getvalue())\nprint(input())",
        "import sys\nsys.stdout = open(1, 'w')\nprint(input())", "import os\nprint(input(), flush=True)\nos._exit(0)",
        "import sys\nsys.stdin = open(0)\nprint(next(sys.stdin).strip())\nquit()",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nprint(A(int(input())).x)",
        "import sys, threading\ndef f():\n    print(input())\nthreading.Thread(target=f).start()",
        "@lru_cache(None)\ndef f(n):\n    return n and 1 + f(n - 1)\nf(20000)\nprint(input())",
        "from __future__ import annotations\nprint(input())",
        "import __main__\nx = 1\nprint(input() if __main__.x == 1 else 0)"}) {
    const CodeVerdict verdict = judge.judge(program, echo, "x");
    EXPECT_EQ(verdict.outcome, TestOutcome::kPassed) << program << "\n" << verdict.detail;
  }
}

}  // namespace
}  // namespace qreason
