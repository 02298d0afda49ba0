// Tasks from .toml files: what they ask, how they are refused, and grading by the header alone.
#include "eval/user_task.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "eval/evaluation_cell.h"
#include "eval/regrade.h"
#include "support/fixtures.h"
#include "support/sandbox_support.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr const char* kTask = R"(name = "letters"
source = "rows.jsonl"
prompt = "{question}\n{A} / {{A}} / \\boxed{}"
grader = "choice"
[columns]
question = "q"
gold = "a"
)";

class UserTask : public ::testing::Test {
 protected:
  void SetUp() override { write("rows.jsonl", "{\"q\": \"First?\", \"a\": \"b\", \"A\": 7}\n"); }
  fs::path write(const std::string& name, const std::string& content) const {
    write_file_atomic(scratch_.path() / name, content);
    return scratch_.path() / name;
  }
  // The task file with one line replaced.
  std::string failure(const std::string& from, const std::string& to) const {
    std::string text = kTask;
    text.replace(text.find(from), from.size(), to);
    try {
      parse_user_task(text, scratch_.path() / "t.toml").load(std::nullopt);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  testing::ScratchFolder scratch_;
};

TEST_F(UserTask, FillsItsPromptAndReadsItsColumns) {
  const Task task = read_user_task(write("t.toml", kTask));
  const Dataset dataset = load_task_data(task, std::nullopt);
  ASSERT_EQ(dataset.problems.size(), 1U);
  EXPECT_EQ(dataset.name, "letters");
  EXPECT_EQ(dataset.problems[0].id, "0");
  EXPECT_EQ(task.prompt(dataset.problems[0]), "First?\n7 / {A} / \\boxed{}");
  EXPECT_TRUE(task.grader("Answer: B", dataset.problems[0]).correct);
  EXPECT_EQ(task.definition["columns"]["gold"], "a");
  const Dataset other = load_task_data(task, write("other.csv", "q,a,A\nSecond?,C,1\n"));
  EXPECT_EQ(other.problems[0].question, "Second?");
  // What else the prompt names is asked, too, and makes another data set.
  const std::string row = R"({"q": "First?", "a": "b", "A": )";
  const auto hash_of = [&](const std::string& name, const std::string& rest) {
    return dataset_hash(load_task_data(task, write(name, row + rest)));
  };
  EXPECT_EQ(hash_of("same.jsonl", "7, \"B\": 1}\n"), dataset_hash(dataset));
  EXPECT_NE(hash_of("changed.jsonl", "8}\n"), dataset_hash(dataset));
}

TEST_F(UserTask, NamesFileLineKeyAndWhatIsExpected) {
  EXPECT_THAT(failure("grader = \"choice\"", "grader = \"chess\""),
              AllOf(HasSubstr("t.toml, line 4: grader \"chess\""), HasSubstr("one of math, choice")));
  EXPECT_THAT(failure("grader = \"choice\"", "grader = 5"), HasSubstr("t.toml, line 4: grader that is no text"));
  EXPECT_THAT(failure("grader = \"choice\"", ""), HasSubstr("no grader, expected grader = \"...\""));
  EXPECT_THAT(failure("grader =", "metric = \"f1\"\ngrader ="), HasSubstr("line 4: metric \"f1\", expected accuracy"));
  EXPECT_THAT(failure("grader =", "graders = 1\ngrader ="), HasSubstr("line 4: the key \"graders\""));
  EXPECT_THAT(failure("name = \"letters\"", "name = \"../x\""), HasSubstr("line 1: name \"../x\""));
  EXPECT_THAT(failure("name = \"letters\"", "name = \"GSM-8K\""), HasSubstr("another than those of the tasks"));
  EXPECT_THAT(failure("name = \"letters\"", "name = \"aime120\""), HasSubstr("another than those of the tasks"));
  for (const char* name : {"a b", "ä", "-x", ".x"})
    EXPECT_THAT(failure("\"letters\"", "\"" + std::string(name) + "\""), HasSubstr("expected letters, digits")) << name;
  EXPECT_THAT(failure("\"letters\"", "\"Avg.\""), HasSubstr("another than those of the tasks"));
  for (const char* prompt : {"{question", "hello {A}", "{{question}}", "\\\\boxed{}"})
    EXPECT_THAT(failure("{question}\\n{A}", prompt), HasSubstr("line 3: a prompt without the question")) << prompt;
  EXPECT_EQ(failure("{question}\\n", "{q} "), "no error");
  EXPECT_THAT(failure("name = \"letters\"", "name ="), HasSubstr("t.toml, line 1"));
  EXPECT_THAT(failure("[columns]", "[column]"), HasSubstr("the key \"column\""));
  EXPECT_THAT(failure("gold = \"a\"", ""), HasSubstr("line 5: no gold"));
  EXPECT_THAT(failure("gold = \"a\"", "gold = \"b\""), HasSubstr("rows.jsonl, line 1: no column \"b\""));
  EXPECT_THAT(failure("gold = \"a\"", "gold = \"A\""), HasSubstr("expected the letter of a choice"));
  write("empty.jsonl", "{\"q\": \"x\", \"a\": \"\", \"A\": 1}\n");
  write("null.jsonl", "{\"q\": \"x\", \"a\": null, \"A\": 1}\n");
  EXPECT_THAT(failure("rows.jsonl", "empty.jsonl"), HasSubstr("empty.jsonl, line 1: an empty column \"a\", expected"));
  EXPECT_THAT(failure("rows.jsonl", "null.jsonl"), HasSubstr("line 1: no column \"a\", or null in it, expected"));
  EXPECT_THAT(failure("{A} /", "{B} /"), HasSubstr("rows.jsonl, line 1: no column \"B\""));
  EXPECT_THAT(failure("rows.jsonl", "none.jsonl"), HasSubstr("none.jsonl"));
}

TEST_F(UserTask, IsGradedByWhatTheHeaderSays) {
  const Task task = read_user_task(write("t.toml", kTask));
  const Dataset dataset = task.load(std::nullopt);
  const EvaluationCell cell{.task = &task, .dataset = &dataset, .seed = 1, .file = scratch_.path() / "r.jsonl"};
  const ResultHeader header =
      cell_header(cell, {.model = "m", .method = "bf16", .limit = {}}, OrderedJson::object(), "x");
  AnswerRecord answer{.problem_id = "0", .seed = 1};
  answer.prompt_tokens = answer.output_tokens = 1;
  answer.finish_reason = "stop";
  answer.text = "Answer: B";
  answer.gold = "b";
  write_result_file(cell.file, header, {answer});
  fs::remove(scratch_.path() / "t.toml");
  fs::remove(scratch_.path() / "rows.jsonl");
  ThreadPool pool(1);
  EXPECT_EQ(regrade(cell.file, pool).correct, 1);
  EXPECT_THAT(*explain_answer(cell.file, "0"), HasSubstr("verdict: right"));

  Task changed = task;
  changed.definition["prompt"] = "another";
  const EvaluationCell other{.task = &changed, .dataset = &dataset, .seed = 1, .file = cell.file};
  EXPECT_THAT(*header_difference(header, cell_header(other, {.model = "m", .method = "bf16", .limit = {}},
                                                     OrderedJson::object(), "x")),
              HasSubstr("dataset.task.prompt"));
}

constexpr const char* kPrograms = R"(name = "code"
source = "rows.jsonl"
prompt = "{question}"
grader = "code"
test_seconds = 2.5
[columns]
question = "q"
tests = "t"
function = "f"
)";
constexpr const char* kEcho = R"({"q": "Echo.", "t": [{"input": "1", "output": "1"}, {"input": "a", "output": "a"}]})";
constexpr const char* kSum =
    R"({"q": "Sum.", "f": "total", "t": "[{\"input\": \"[1, 2]\\n100000000000000000000\", \"output\": \"100000000000000000003\"}]"})";

TEST_F(UserTask, OfProgramsHasTestsInsteadOfAGold) {
  write("rows.jsonl", std::string(kEcho) + "\n" + kSum + "\n");
  const Task task = read_user_task(write("t.toml", kPrograms));
  EXPECT_EQ(task.graded_by, GradedBy::kTests);
  EXPECT_EQ(task.grading["test_seconds"], 2.5);
  EXPECT_EQ(with_code_grading(task, {.seconds = 1}).grading["test_seconds"], 1);
  EXPECT_EQ(task.definition["columns"],
            (OrderedJson{{"question", "q"}, {"tests", "t"}, {"function", "f"}, {"id", ""}}));
  const Dataset dataset = task.load(std::nullopt);
  ASSERT_EQ(dataset.problems.size(), 2U);
  // printf '\0[{"input":"1","output":"1"},{"input":"a","output":"a"}]' | sha256sum
  EXPECT_EQ(dataset.problems[0].gold,
            "sha256 of tests: 8d2985542a1ac5668119986bae6e2a5e3aa3e7f3169a89ba4b7d470d14872b26");
  QREASON_REQUIRE_SANDBOX();
  const std::string echo = "```python\nprint(input())\n```", sum = "```python\ndef total(a, b): return sum(a) + b\n```";
  EXPECT_TRUE(task.grader(echo, dataset.problems[0]).correct);
  EXPECT_FALSE(task.grader("```python\nprint(1)\n```", dataset.problems[0]).correct);
  EXPECT_TRUE(task.grader(sum, dataset.problems[1]).correct);
  EXPECT_FALSE(task.grader("```python\ndef total(a, b): return 1e20\n```", dataset.problems[1]).correct);
  EXPECT_FALSE(task.grader(echo, dataset.problems[1]).correct);
}

TEST_F(UserTask, OfProgramsNamesRowColumnAndTest) {
  const auto failure_of = [&](const std::string& row, std::string text = kPrograms) {
    write("rows.jsonl", row);
    try {
      parse_user_task(text, scratch_.path() / "t.toml").load(std::nullopt);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(failure_of(kEcho), "no error");
  EXPECT_THAT(failure_of(R"({"q": "x"})"), HasSubstr("rows.jsonl, line 1: no column \"t\""));
  EXPECT_THAT(failure_of(R"({"q": "x", "t": []})"), HasSubstr("line 1, column \"t\": no list of tests"));
  EXPECT_THAT(failure_of(R"({"q": "x", "t": [{"input": "1"}]})"), HasSubstr("column \"t\", test 0: no \"output\""));
  EXPECT_THAT(failure_of(R"({"q": "x", "f": "g", "t": [{"input": "1", "output": "yes"}]})"),
              HasSubstr("test 0, output: no JSON"));
  EXPECT_THAT(failure_of(R"({"q": "x", "f": "g", "t": [{"input": "1\nx y", "output": "1"}]})"),
              HasSubstr("test 0, input: a line that is no JSON"));
  for (const char* name : {"f(", "1f", "f g", "f;import os", "Solution.f"})
    EXPECT_THAT(
        failure_of(Json{{"q", "x"}, {"f", name}, {"t", {{{"input", "1"}, {"output", "1"}}}}}.dump()),
        HasSubstr(std::string("line 1, column \"t\": the function \"") + name + "\", expected a name in Python"));
  std::string text = kPrograms;
  text.replace(text.find("2.5"), 3, "-1");
  EXPECT_THAT(failure_of(kEcho, text), HasSubstr("t.toml, line 5: test_seconds, expected 0.1 to 3600"));
  text = kPrograms;
  text.replace(text.find("tests ="), 5, "gold");
  EXPECT_THAT(failure_of(kEcho, text), HasSubstr("the key \"gold\""));
  text = kTask;
  text.replace(text.find("metric") == std::string::npos ? text.find("[columns]") : 0, 0, "test_seconds = 1\n");
  EXPECT_THAT(failure_of(kEcho, text), HasSubstr("the key \"test_seconds\""));
}

TEST_F(UserTask, OfProgramsIsGradedAgainByItsData) {
  QREASON_REQUIRE_SANDBOX();
  const fs::path rows = write("rows.jsonl", kEcho);
  const Task task = read_user_task(write("t.toml", kPrograms));
  const Dataset dataset = task.load(std::nullopt);
  const EvaluationCell cell{.task = &task, .dataset = &dataset, .seed = 1, .file = scratch_.path() / "r.jsonl"};
  AnswerRecord answer{.problem_id = "0", .seed = 1};
  answer.prompt_tokens = answer.output_tokens = 1;
  answer.finish_reason = "stop";
  answer.text = "```python\nprint(input())\n```";
  answer.gold = dataset.problems[0].gold;
  write_result_file(cell.file,
                    cell_header(cell, {.model = "m", .method = "bf16", .limit = {}}, OrderedJson::object(), "x"),
                    {answer});
  ThreadPool pool(1);
  EXPECT_THAT([&] { regrade(cell.file, pool); },
              ThrowsMessage<Error>(HasSubstr("expected the data of code, or --data code=FILE")));
  const RegradeOptions with_data{.data = {{"code", rows}}};
  EXPECT_EQ(regrade(cell.file, pool, with_data).correct, 1);
  EXPECT_THAT(*explain_answer(cell.file, "0", with_data), HasSubstr("all 2 tests passed"));
  write("rows.jsonl", R"({"q": "Echo.", "t": [{"input": "1", "output": "2"}]})");
  EXPECT_THAT([&] { regrade(cell.file, pool, with_data); },
              ThrowsMessage<Error>(HasSubstr("problem 0 with other tests")));
}

// The example of docs/tasks.md, with programs that are right.
TEST(DocumentedTask, OfProgramsGradesRightOnes) {
  QREASON_REQUIRE_SANDBOX();
  const Task task = read_user_task(testing::project_path("docs/tasks/words.toml"));
  const Dataset dataset = task.load(std::nullopt);
  ASSERT_EQ(dataset.problems.size(), 2U);
  EXPECT_TRUE(task.grader("```python\nprint(input()[::-1])\n```", dataset.problems[0]).correct);
  const std::string longest =
      "```python\ndef longest(words, least):\n"
      "    return max((w for w in words if len(w) >= least), key=len, default=None)\n```";
  EXPECT_TRUE(task.grader(longest, dataset.problems[1]).correct);
  EXPECT_FALSE(task.grader("```python\ndef longest(words, least): return words[0]\n```", dataset.problems[1]).correct);
}

TEST_F(UserTask, StandsAmongTheMembersOfTasks) {
  const std::string file = write("t.toml", kTask).string();
  EXPECT_THAT(tasks_named({"aime-120", "AIME-90", file, "Steps"}),
              ElementsAre(Field(&Task::name, "AIME-90"), Field(&Task::name, "AIME-2025"), Field(&Task::name, "letters"),
                          Field(&Task::name, "steps-easy"), Field(&Task::name, "steps-medium"),
                          Field(&Task::name, "steps-hard")));
  EXPECT_THAT([&] { tasks_named({file, file}); }, ThrowsMessage<Error>(HasSubstr("the name \"letters\" again")));
  EXPECT_THAT([&] { tasks_named({"avg"}); },
              ThrowsMessage<Error>(AllOf(HasSubstr("AIME-120 (AIME-90 and AIME-2025)"), HasSubstr(".toml"))));
  EXPECT_THAT([&] { tasks_named({"missing.toml"}); }, ThrowsMessage<Error>(HasSubstr("missing.toml")));
}

}  // namespace
}  // namespace qreason
