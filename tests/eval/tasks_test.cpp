// What tasks ask. GPQA's rows here are made up; the order of choices: CPython's random.Random(seed).randint(0, 3).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/file.h"
#include "eval/evaluation_cell.h"
#include "eval/task.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Dataset choices(int count) {
  Dataset dataset{.name = "GPQA-Diamond", .problems = {}, .source = {}};
  for (int row = 0; row < count; ++row)
    dataset.problems.push_back({.id = fmt::format("rec{}", row),
                                .question = fmt::format("Question {}?", row),
                                .gold = "right",
                                .fields = {},
                                .row = row,
                                .wrong_answers = {"one", " two\n", "three"}});
  return dataset;
}

std::string golds(const std::vector<Problem>& problems) {
  std::string letters;
  for (const Problem& problem : problems) letters += problem.gold;
  return letters;
}

TEST(GpqaDiamond, AsksThePromptOfTheStudyToTheByte) {
  Dataset dataset = choices(3);
  const Task& task = require_task("GPQA-Diamond");
  task.pose(dataset.problems, 42);
  EXPECT_EQ(dataset.problems[2].gold, "C");
  EXPECT_EQ(task.prompt(dataset.problems[2]),
            "Answer the following multiple choice question. The last line of your response should be of the following "
            "format: 'Answer: $LETTER' (without quotes) where LETTER is one of ABCD. Think step by step before "
            "answering.\n\nQuestion 2?\n\nA) one\nB)  two\n\nC) right\nD) three");
  EXPECT_TRUE(task.grader("Answer: C", dataset.problems[2]).correct);
  EXPECT_FALSE(task.grader("Answer: B", dataset.problems[2]).correct);
}

TEST(GpqaDiamond, DrawsThePlaceOfTheRightAnswerAsPythonDoesRowByRow) {
  const Task& task = require_task("gpqa_diamond");
  for (const auto& [seed, letters] : {std::pair{42, "AACBBBAADAAABBABDBDCABDC"},
                                      {43, "ACBDCADDADCDDBAAADBABDBD"},
                                      {1234, "DAAAAAACBAAACDDBABAADBAD"}}) {
    Dataset dataset = choices(24);
    task.pose(dataset.problems, static_cast<std::uint64_t>(seed));
    EXPECT_EQ(golds(dataset.problems), letters);
    // The rows are drawn in the order of the file, whichever of them are asked in which order.
    Dataset some = choices(24);
    shuffle_and_limit(some, 7);
    task.pose(some.problems, static_cast<std::uint64_t>(seed));
    for (const Problem& problem : some.problems)
      EXPECT_EQ(problem.gold, std::string(1, letters[static_cast<std::size_t>(problem.row)]));
  }
}

TEST(GpqaDiamond, IsReadFromCsvWithLineBreaksAndNamesAMissingColumn) {
  testing::ScratchFolder scratch;
  const auto file = scratch.path() / "gpqa.csv";
  write_file_atomic(file,
                    "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3,Record ID\n"
                    "\"Which\n\"\"one\"\", then?\",\" yes\n\",no,\"n,o\",never,rec1\n");
  const Dataset dataset = load_dataset("GPQA-Diamond", file);
  ASSERT_EQ(dataset.problems.size(), 1U);
  EXPECT_EQ(dataset.problems[0].id, "rec1");
  EXPECT_EQ(dataset.problems[0].question, "Which\n\"one\", then?");
  EXPECT_EQ(dataset.problems[0].gold, " yes\n");
  EXPECT_THAT(dataset.problems[0].wrong_answers, ::testing::ElementsAre("no", "n,o", "never"));
  Dataset other = dataset;
  other.problems[0].wrong_answers[1] = "no";
  EXPECT_NE(dataset_hash(dataset), dataset_hash(other));

  write_file_atomic(file, "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2\nq,a,b,c\n");
  EXPECT_THAT(
      [&] { load_dataset("GPQA-Diamond", file); },
      ThrowsMessage<Error>(::testing::AllOf(HasSubstr("line 2"), HasSubstr("no column \"Incorrect Answer 3\""))));
}

TEST(GpqaDiamond, RefusesEmptyAndRepeatedChoices) {
  testing::ScratchFolder scratch;
  const auto file = scratch.path() / "gpqa.csv";
  const auto refused = [&](const std::string& choices, const std::string& why) {
    write_file_atomic(file,
                      "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\n"
                      "q1,a,b,c,d\nq2," +
                          choices + "\n");
    EXPECT_THAT([&] { load_dataset("GPQA-Diamond", file); },
                ThrowsMessage<Error>(::testing::AllOf(HasSubstr("gpqa.csv"), HasSubstr("line 3"), HasSubstr(why))));
  };
  refused("a,b,\" \",d", "an empty \"Incorrect Answer 2\"");
  refused("a,b,c,", "an empty \"Incorrect Answer 3\"");
  refused("a,b, b ,d", "the same in \"Incorrect Answer 1\" and \"Incorrect Answer 2\"");
  refused("a,b,c,a", "the right answer again in \"Incorrect Answer 3\"");
}

// Rows that must not be published stand in no message.
TEST(GpqaDiamond, ErrorsQuoteNothingOfARow) {
  testing::ScratchFolder scratch;
  const auto file = scratch.path() / "gpqa.jsonl";
  write_file_atomic(file, "{\"Question\": \"the secret row\", \"Correct Answer\" 5}\n");
  try {
    load_dataset("GPQA-Diamond", file);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::AllOf(HasSubstr("line 1"), HasSubstr("invalid JSON"), ::testing::Not(HasSubstr("Correct"))));
  }
}

}  // namespace
}  // namespace qreason
