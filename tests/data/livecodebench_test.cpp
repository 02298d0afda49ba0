#include "data/livecodebench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "data/pickle_text.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;

std::map<std::string, std::string> fields_of(const Json& row) {
  std::map<std::string, std::string> fields;
  for (const auto& [name, value] : row.items()) fields[name] = value.get<std::string>();
  return fields;
}

template <class Check>
void each_line(const std::filesystem::path& file, Check&& check) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) check(Json::parse(line));
}

TEST(LiveCodeBench, ReadsTheProblemsOfTheSandboxCases) {
  QREASON_REQUIRE_SHARED(file, "data/sandbox_cases/problems.jsonl");
  each_line(file, [](const Json& line) {
    SCOPED_TRACE(line["id"].get<std::string>());
    const CodeProblem problem = decode_code_problem(fields_of(line["row"]), "row");
    const Json& tests = line["tests"];
    const std::size_t repeat = line.value("repeat", 1);
    ASSERT_EQ(problem.tests.size(), 1 + (tests.size() - 1) * repeat);
    for (std::size_t i = 0; i < problem.tests.size(); ++i) {
      const Json& expected = tests[i == 0 ? 0 : 1 + (i - 1) % (tests.size() - 1)];
      EXPECT_EQ(problem.tests[i].input, expected["input"]);
      EXPECT_EQ(problem.tests[i].output, expected["output"]);
      EXPECT_EQ(problem.function.has_value(), expected["testtype"] == "functional");
    }
  });
}

TEST(LiveCodeBench, ReadsRowsOfTheRealSchema) {
  QREASON_REQUIRE_SHARED(file, "data/livecodebench/rows_full_schema.jsonl");
  each_line(file, [](const Json& row) { EXPECT_FALSE(decode_code_problem(fields_of(row), "row").tests.empty()); });
}

TEST(LiveCodeBench, RefusesBadRowsByRowAndField) {
  QREASON_REQUIRE_SHARED(file, "data/sandbox_cases/bad_rows.jsonl");
  int count = 0;
  each_line(file, [&](const Json& line) {
    ++count;
    SCOPED_TRACE(line["id"].get<std::string>());
    try {
      decode_code_problem(fields_of(line["row"]), "rows.jsonl, line 7");
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("rows.jsonl, line 7, "));
      EXPECT_THAT(error.what(), ::testing::ContainsRegex("_test_cases|metadata"));
    }
  });
  EXPECT_EQ(count, 21);
  EXPECT_FALSE(std::filesystem::exists("/tmp/qrs_pickle_ran"));
}

// python3 -c 'import pickle; print(*(pickle.dumps("[\u00e9 \\]\n", p) for p in range(6)), sep="\n")'
TEST(PickleText, ReadsEveryProtocol) {
  using namespace std::string_literals;
  const std::string text = "[\xc3\xa9 \\]\n";
  for (const std::string& pickle :
       {"V[\xe9 \\u005c]\\u000a\np0\n."s, "X\x08\x00\x00\x00[\xc3\xa9 \\]\nq\x00."s.replace(1, 1, "\x07"),
        "\x80\x02X\x07\x00\x00\x00[\xc3\xa9 \\]\nq\x00."s, "\x80\x03X\x07\x00\x00\x00[\xc3\xa9 \\]\nq\x00."s,
        "\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07[\xc3\xa9 \\]\n\x94."s,
        "\x80\x05\x8d\x07\x00\x00\x00\x00\x00\x00\x00[\xc3\xa9 \\]\n\x94."s})
    EXPECT_EQ(unpickle_text(pickle, "x"), text);
}

TEST(PickleText, RefusesWhatIsNoText) {
  using namespace std::string_literals;
  for (const std::string& pickle : {""s, "."s, "N."s, "X\x01\x00\x00\x00"s, "X\xff\xff\xff\xff."s, "Va\n"s, "Va\n.."s,
                                    "Va\nVb\n."s, "\x80\x06Va\n."s, "p0\nVa\n."s, "cos\nsystem\n(Vls\ntR."s})
    EXPECT_THROW(unpickle_text(pickle, "x"), Error) << pickle;
}

TEST(PickleText, NoBytesCrashIt) {
  using namespace std::string_literals;
  std::mt19937_64 random(7);
  const std::string good = "\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07[\xc3\xa9 \\]\n\x94."s;
  for (int round = 0; round < 200000; ++round) {
    std::string bytes = good;
    for (std::uint64_t changes = random() % 4; changes <= 4; ++changes)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (round % 3 == 0) bytes.resize(random() % bytes.size());
    try {
      unpickle_text(bytes, "x");
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace qreason
