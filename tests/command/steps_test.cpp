// `qreason steps`, run as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using testing::run_command;

testing::CommandResult steps(const std::string& arguments) {
  return run_command(testing::qreason_binary() + " steps " + arguments);
}

TEST(StepsCommand, PrintsTheShippedProblemsWithoutOptions) {
  const auto result = steps("");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_TRUE(result.standard_output == read_text_file(testing::project_path("data/steps-easy.jsonl")));
}

TEST(StepsCommand, PrintsOneJsonObjectALine) {
  const auto result = steps("--tier hard --count 7 --seed 3 --split training");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(std::count(result.standard_output.begin(), result.standard_output.end(), '\n'), 7);
  const Json first = parse_json(result.standard_output.substr(0, result.standard_output.find('\n')), "printed");
  EXPECT_EQ(first["id"], "steps-hard-0001");
  EXPECT_EQ(first["tier"], "hard");
  for (const char* field : {"kind", "problem", "answer", "solution"}) EXPECT_TRUE(first[field].is_string()) << field;
}

TEST(StepsCommand, PrintsOneDocumentWithJson) {
  const auto result = steps("--tier medium --count 3 --seed 5 --json");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const Json document = parse_json(result.standard_output, "printed");
  EXPECT_EQ(document["seed"], 5);
  ASSERT_EQ(document["problems"].size(), 3u);
  const std::string lines = steps("--tier medium --count 3 --seed 5").standard_output;
  EXPECT_EQ(document["problems"][0], parse_json(lines.substr(0, lines.find('\n')), "printed"));
}

TEST(StepsCommand, WritesAFileAndTellsItsHash) {
  const testing::ScratchFolder scratch;
  const std::string path = (scratch.path() / "medium.jsonl").string(),
                    arguments = "--tier medium --count 12 -o " + path;
  const auto told = steps(arguments);
  ASSERT_EQ(told.exit_code, 0) << told.standard_error;
  const std::string written = read_text_file(path), hash = sha256_hex(written);
  EXPECT_EQ(written, steps("--tier medium --count 12").standard_output);
  EXPECT_THAT(told.standard_output, HasSubstr("12 problems, sha256 " + hash));
  const auto again = steps(arguments + " --json");
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.standard_error, HasSubstr("it exists already, expected a new path, or --force"));
  const auto as_json = steps(arguments + " --json --force");
  ASSERT_EQ(as_json.exit_code, 0) << as_json.standard_error;
  EXPECT_EQ(parse_json(as_json.standard_output, "printed"), Json({{"path", path}, {"count", 12}, {"sha256", hash}}));
}

TEST(StepsCommand, TellsMistakesInOneLine) {
  const auto expect_failure = [](const std::string& arguments, int code, const std::string& what) {
    const auto result = steps(arguments);
    EXPECT_EQ(result.exit_code, code) << arguments;
    EXPECT_EQ(result.standard_output, "");
    EXPECT_THAT(result.standard_error, HasSubstr(what));
    EXPECT_EQ(std::count(result.standard_error.begin(), result.standard_error.end(), '\n'), 1) << result.standard_error;
  };
  expect_failure("--tier harder", 2, "easy, medium, hard");
  expect_failure("--split train", 2, "--split");
  expect_failure("--count 0", 2, "--count");
  expect_failure("--count 1000000", 2, "--count");
  expect_failure("--seed -1", 2, "--seed");
  expect_failure("--count 3 -o /absent/folder/file.jsonl", 1, "/absent/folder");
}

}  // namespace
}  // namespace qreason
