#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "data/code_dataset.h"
#include "eval/regrade.h"
#include "eval/results.h"
#include "eval/task.h"
#include "support/fixtures.h"
#include "support/sandbox_support.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

OrderedJson row(const std::string& id, const std::string& starter) {
  return {{"question_id", id},
          {"question_content", "Double n."},
          {"starter_code", starter},
          {"difficulty", "easy"},
          {"public_test_cases", R"([{"input": "2\n", "output": "4\n", "testtype": "stdin"}])"},
          {"private_test_cases", R"([{"input": "5\n", "output": "10\n", "testtype": "stdin"}])"},
          {"metadata", "{}"}};
}

class LiveCodeBenchTask : public ::testing::Test {
 protected:
  fs::path write_rows(const std::vector<OrderedJson>& rows) {
    const fs::path file = folder_.path() / "livecodebench.jsonl";
    std::ofstream stream(file);
    for (const OrderedJson& row : rows) stream << row.dump() << "\n\n";
    return file;
  }

  const Task& task_ = require_task("livecodebench");
  testing::ScratchFolder folder_;
};

TEST_F(LiveCodeBenchTask, AsksAsTheStudyDoes) {
  const Dataset dataset = load_dataset("LiveCodeBench", write_rows({row("a", ""), row("b", "class Solution:\n")}));
  EXPECT_EQ(
      task_.prompt(dataset.problems[0]),
      "You will be given a question (problem specification) and will generate a correct Python program that "
      "matches the specification and passes all tests.\n\nQuestion: Double n.\n\nRead the inputs from stdin solve "
      "the problem and write the answer to stdout (do not directly test on the sample inputs). Enclose your code "
      "within delimiters as follows.```python\n# YOUR CODE HERE\n```\n\n");
  EXPECT_EQ(task_.prompt(dataset.problems[1]),
            "You will be given a question (problem specification) and will generate a correct Python program that "
            "matches the specification and passes all tests.\n\nQuestion: Double n.\n\nYou will use the following "
            "starter code to write the solution to the problem and enclose your code within delimiters.```python\n"
            "class Solution:\n\n```\n\n");
}

TEST_F(LiveCodeBenchTask, LeavesTestsInTheFileUntilTheyAreNeeded) {
  const fs::path file = write_rows({row("a", ""), row("b", "")});
  const Dataset dataset = load_dataset("LiveCodeBench", file);
  ASSERT_EQ(dataset.problems.size(), 2U);
  EXPECT_FALSE(dataset.problems[1].fields.contains("private_test_cases"));
  EXPECT_EQ(dataset.problems[1].fields.at("difficulty"), "easy");
  const CodeProblem tests = tests_of(dataset.problems[1]);
  ASSERT_EQ(tests.tests.size(), 2U);
  EXPECT_EQ(tests.tests[1].output, "10\n");

  const fs::path array = folder_.path() / "rows.json";
  std::ofstream(array) << OrderedJson{row("a", ""), row("b", "")}.dump();
  const Dataset same = load_dataset("LiveCodeBench", array);
  EXPECT_EQ(same.problems[1].gold, dataset.problems[1].gold);
  EXPECT_EQ(tests_of(same.problems[1]).tests.size(), 2U);
}

// As `qreason pull` leaves them: two files, one behind the other.
TEST_F(LiveCodeBenchTask, ReadsItsParts) {
  const fs::path home = folder_.path() / "livecodebench";
  fs::create_directories(home);
  fs::rename(write_rows({row("b", ""), row("a", "")}), home / "test4.jsonl");
  EXPECT_THROW(load_dataset("LiveCodeBench", folder_.path()), Error);
  fs::rename(write_rows({row("c", "")}), home / "test5.jsonl");
  const Dataset dataset = load_dataset("LiveCodeBench", folder_.path());
  ASSERT_EQ(dataset.problems.size(), 3u);
  EXPECT_EQ(dataset.problems[0].id, "b");
  EXPECT_EQ(dataset.problems[2].id, "c");
  EXPECT_EQ(dataset.problems[2].row, 2);
  EXPECT_FALSE(tests_of(dataset.problems[2]).tests.empty());
  fs::rename(write_rows({row("a", "")}), home / "test5.jsonl");
  EXPECT_THROW(load_dataset("LiveCodeBench", folder_.path()), Error);  // the id a again
}

TEST_F(LiveCodeBenchTask, RefusesRowsByLine) {
  OrderedJson bad = row("b", "");
  bad.erase("metadata");
  const fs::path file = write_rows({row("a", ""), bad});
  try {
    load_dataset("LiveCodeBench", file);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("livecodebench.jsonl, line 3: no column \"metadata\""));
  }
  EXPECT_THROW(load_dataset("LiveCodeBench", write_rows({row("a", ""), row("a", "")})), Error);
  bad = row("b", "");
  bad["private_test_cases"] = "!!!";
  const Dataset late = load_dataset("LiveCodeBench", write_rows({bad}));
  EXPECT_THROW(tests_of(late.problems[0]), Error);
}

TEST_F(LiveCodeBenchTask, GradesAndExplainsStoredAnswers) {
  QREASON_REQUIRE_SANDBOX();
  const fs::path file = write_rows({row("a", ""), row("b", "")});
  const Dataset dataset = load_dataset("LiveCodeBench", file);
  const std::string right = "So:\n```python\nprint(2 * int(input()))\n```\n", wrong = "So:\n```python\nprint(4)\n```\n";
  EXPECT_TRUE(task_.grader(right, dataset.problems[0]).correct);
  EXPECT_EQ(task_.grader(right, dataset.problems[0]).extracted, "print(2 * int(input()))\n");
  EXPECT_FALSE(task_.grader(wrong, dataset.problems[0]).correct);
  EXPECT_FALSE(task_.grader("no code", dataset.problems[0]).correct);

  const auto answer = [&](const Problem& problem, const std::string& text) {
    return AnswerRecord{.problem_id = problem.id,
                        .seed = 42,
                        .prompt_tokens = 1,
                        .output_tokens = 1,
                        .finish_reason = "stop",
                        .text = text,
                        .gold = problem.gold};
  };
  const fs::path results = folder_.path() / "results.jsonl";
  const ResultHeader header{.task = "LiveCodeBench",
                            .model = "m",
                            .method = "bf16",
                            .seed = 42,
                            .dataset = {{"name", "LiveCodeBench"}, {"count", 2}},
                            .provenance = OrderedJson::object()};
  write_result_file(results, header, {answer(dataset.problems[0], right), answer(dataset.problems[1], wrong)});
  ThreadPool pool(2);
  const RegradeOptions options{.code = {.seconds = 3}, .data = {{"LiveCodeBench", file}}};
  const Regraded graded = regrade(results, pool, options);
  EXPECT_EQ(graded.correct, 1);
  EXPECT_EQ(graded.file.header.dataset["grading"]["test_seconds"], 3);
  EXPECT_THAT(explain_answer(results, "b", options).value(), ::testing::HasSubstr("test 2 of 2: wrong_answer"));

  OrderedJson other = row("b", "");
  other["private_test_cases"] = "[]";
  write_rows({row("a", ""), other});
  EXPECT_THROW(regrade(results, pool, options), Error);
}

}  // namespace
}  // namespace qreason
