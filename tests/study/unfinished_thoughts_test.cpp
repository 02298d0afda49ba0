// Both ways to count answers whose thought does not come to an end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "study/table.h"
#include "support/study_run.h"

namespace qreason {
namespace {
using testing::a_run;
using ::testing::HasSubstr;
using ::testing::Not;

// 1111 with two thoughts that have no end: 100 as they stand, 50 else. The baseline has none: 75 both ways.
TEST(UnfinishedThoughts, AreCountedInBothWays) {
  std::vector<StudyRun> runs = {a_run("bf16", "GSM8K", 42, "1110"), a_run("rtn-w4g128", "GSM8K", 42, "1111"),
                                a_run("rtn-w4g128", "GSM8K", 43, "1110")};
  EXPECT_THAT(to_markdown(make_table(runs, {})), Not(HasSubstr("unfinished")));
  const auto unfinished = Thought::kUnfinished, right = Thought::kUnfinishedRight, ended = Thought::kEnded;
  runs[1].run.thoughts = {ended, right, right, ended};
  runs[2].run.thoughts = {ended, ended, ended, unfinished};
  const StudyTable stand = make_table(runs, {});
  const TableCell& cell = stand.rows.at(1).cells.at("GSM8K");
  EXPECT_DOUBLE_EQ(cell.value.mean, 87.5);
  EXPECT_DOUBLE_EQ(*cell.as_they_stand, 87.5);
  EXPECT_DOUBLE_EQ(*cell.finished_only, 62.5);
  EXPECT_DOUBLE_EQ(*cell.unfinished_rate, 0.375);
  EXPECT_THAT(to_markdown(stand), HasSubstr("| truncated | unfinished | finished only |"));
  EXPECT_THAT(to_markdown(stand), HasSubstr("| 25.0 % | 37.5 % | 62.5 |"));
  EXPECT_THAT(to_markdown(stand), HasSubstr("| 25.0 % | 0.0 % | 75.0 |"));
  EXPECT_THAT(to_csv(stand), HasSubstr(",0.25,0.375,87.5,62.5,"));

  const StudyTable wrong = make_table(runs, {.unfinished = UnfinishedThoughts::kWrong});
  const TableCell& counted = wrong.rows.at(1).cells.at("GSM8K");
  EXPECT_DOUBLE_EQ(counted.value.mean, 62.5);
  EXPECT_DOUBLE_EQ(counted.per_seed.at(42), 50);
  EXPECT_DOUBLE_EQ(*counted.as_they_stand, 87.5);
  EXPECT_DOUBLE_EQ(*counted.finished_only, 62.5);
  EXPECT_DOUBLE_EQ(counted.against_baseline->difference, -0.125);
  EXPECT_THAT(to_markdown(wrong), HasSubstr("| 37.5 % | 87.5 |"));
  EXPECT_EQ(to_json(wrong)["unfinished"], "wrong");
}

// AIME-120 is 0.75 AIME-90 + 0.25 AIME-2025: one of the two right answers of the latter has no end.
TEST(UnfinishedThoughts, OfCompositesAreCountedInBothWays) {
  std::vector<StudyRun> runs = {a_run("bf16", "AIME-90", 42, "1100"), a_run("bf16", "AIME-2025", 42, "11")};
  runs[1].run.thoughts = {Thought::kEnded, Thought::kUnfinishedRight};
  const TableCell cell = make_table(runs, {}).rows.at(0).cells.at("AIME-120");
  EXPECT_DOUBLE_EQ(cell.value.mean, 62.5);
  EXPECT_DOUBLE_EQ(*cell.finished_only, 50);
}

}  // namespace
}  // namespace qreason
