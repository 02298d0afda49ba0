// Tests of programs, as LiveCodeBench's rows hold them.
#pragma once

#include <map>
#include <optional>
#include <string>
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

}  // namespace qreason
