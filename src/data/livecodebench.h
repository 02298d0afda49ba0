// Tests of programs, as rows of LiveCodeBench and of users hold them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

struct CodeTest {
  std::string input;   // stdin, or one JSON value a line for each argument
  std::string output;  // stdout, or the result as JSON
};

struct CodeProblem {
  std::optional<std::string> function;  // the method of Solution to call; none: programs read stdin
  std::vector<CodeTest> tests;          // public ones first
};

// The columns public_test_cases (JSON), private_test_cases (JSON, or base64 of zlib of a pickled text of JSON) and
// metadata of a row. Errors name `where` and the column: one that is absent or damaged, larger than kMostDecodedText, a
// test without one of its members, tests of another kind than the metadata says, no test.
CodeProblem decode_code_problem(const std::map<std::string, std::string>& row, const std::string& where);

// Tests as users write them: a JSON list of {"input": TEXT, "output": TEXT}, at least one. Errors name `where` and the
// test; an expected result of a function that is no JSON is one.
CodeProblem parse_code_tests(std::string_view json, const std::optional<std::string>& function,
                             const std::string& where);

}  // namespace qreason
