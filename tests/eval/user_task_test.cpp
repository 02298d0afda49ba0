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
  EXPECT_THAT(failure("name = \"letters\"", "name ="), HasSubstr("t.toml, line 1"));
  EXPECT_THAT(failure("[columns]", "[column]"), HasSubstr("the key \"column\""));
  EXPECT_THAT(failure("gold = \"a\"", ""), HasSubstr("line 5: no gold"));
  EXPECT_THAT(failure("gold = \"a\"", "gold = \"b\""), HasSubstr("rows.jsonl, line 1: no column \"b\""));
  EXPECT_THAT(failure("gold = \"a\"", "gold = \"A\""), HasSubstr("expected the letter of a choice"));
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
