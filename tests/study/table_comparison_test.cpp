// What tables say of comparisons: adjusted p, power, weighted means, loops. Worked by hand in each test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "study/table.h"
#include "support/study_run.h"

namespace qreason {
namespace {
using testing::a_run;
using ::testing::HasSubstr;
using ::testing::Not;

// 6 of 6 lost: p = 2 / 2^6; 3 of 6: 2 / 2^3. Two tests of the model m, by Holm 2 * 0.03125 and 0.25; the model n has
// one.
TEST(TableComparison, AdjustsPOverAllTestsOfAModel) {
  const auto of_n = [](StudyRun run) {
    run.model = "n";
    return run;
  };
  const std::vector<StudyRun> runs = {a_run("bf16", "GSM8K", 42, "111111"), a_run("rtn-w3", "GSM8K", 42, "000000"),
                                      a_run("gptq-w3", "GSM8K", 42, "000111"),
                                      of_n(a_run("bf16", "GSM8K", 42, "111111")),
                                      of_n(a_run("rtn-w3", "GSM8K", 42, "000000"))};
  const StudyTable table = make_table(runs, {});
  const auto adjusted = [&](std::size_t row) { return *table.rows.at(row).cells.at("GSM8K").p_holm; };
  EXPECT_FALSE(table.rows.at(0).cells.at("GSM8K").p_holm);
  EXPECT_DOUBLE_EQ(adjusted(1), 0.25);     // gptq-w3
  EXPECT_DOUBLE_EQ(adjusted(2), 0.0625);   // rtn-w3
  EXPECT_DOUBLE_EQ(adjusted(4), 0.03125);  // that of n
  EXPECT_EQ(to_json(table)["rows"][2]["tasks"]["GSM8K"]["against_baseline"]["p_benjamini_hochberg"], 0.0625);
}

// Tiers are tests of one family, the mean of them is another: three problems of it are lost, p = 2 / 2^3.
TEST(TableComparison, AdjustsCompositesApart) {
  std::vector<StudyRun> runs;
  for (const char* task : {"steps-easy", "steps-medium", "steps-hard"}) {
    runs.push_back(a_run("bf16", task, 42, "11"));
    runs.push_back(a_run("rtn-w3", task, 42, "10"));
  }
  const TableRow row = make_table(runs, {}).rows.at(1);
  EXPECT_DOUBLE_EQ(*row.cells.at("steps-easy").p_holm, 1);
  EXPECT_DOUBLE_EQ(*row.cells.at("steps").p_holm, 0.25);
}

// Differences of four problems -1, -1, 0, 1: variance 11/12; (1.959964 + 0.841621)^2 * 11/12 / 0.01^2 = 71948.1.
TEST(TableComparison, TellsHowManyProblemsResolveAPoint) {
  const StudyTable table = make_table({a_run("bf16", "GSM8K", 42, "1110"), a_run("rtn-w3", "GSM8K", 42, "0011")}, {});
  EXPECT_EQ(table.power.at("GSM8K").needed, 71949);
  EXPECT_NEAR(table.power.at("GSM8K").detectable, 134.12, 0.01);  // 100 * 2.801585 * sqrt(11/12 / 4)
  EXPECT_THAT(to_summary(table),
              HasSubstr("\nTo resolve 1 point here with 80 % power: 71949 problems x 1 seed; these 4 "
                        "resolve no difference.\n"));
  EXPECT_TRUE(make_table({a_run("bf16", "GSM8K", 42, "11"), a_run("rtn-w3", "GSM8K", 42, "11")}, {}).power.empty());
}

// Two of four problems of MATH-500 are lost, which weighs a fifth: 10 points of 100. Of four ways to flip two signs two
// are as far from 0: p = 1/2.
TEST(TableComparison, ComparesTheWeightedAverage) {
  std::vector<StudyRun> runs;
  for (const char* task : {"AIME-90", "AIME-2025", "MATH-500", "GSM8K", "GPQA-Diamond", "LiveCodeBench"}) {
    runs.push_back(a_run("bf16", task, 42, "1111"));
    runs.push_back(a_run("rtn-w3", task, 42, task == std::string("MATH-500") ? "1100" : "1111"));
  }
  const StudyTable table = make_table(runs, {});
  const TableCell& cell = table.rows.at(1).cells.at("Avg.");
  ASSERT_TRUE(cell.weighted) << cell.not_compared;
  EXPECT_NEAR(cell.weighted->difference, -0.1, 1e-12);
  EXPECT_NEAR(cell.weighted->sign_flip.p, 0.5, 1e-12);
  EXPECT_NEAR(*cell.weighted_recovery, 90, 1e-9);
  // Standard error of MATH-500 alone: std (0, 0, -1, -1) / 2 = 0.288675; a fifth of it, times 1.96: 11.3 points.
  EXPECT_THAT(to_summary(table),
              HasSubstr("| m | rtn-w3 | 90.0 | 78.7 to 100.0 | -10.0 | -21.3 to 1.3 | - | - | 0.500 | "
                        "0.500 | - | undecided (risky) | 90.0 % |"));
  EXPECT_EQ(to_json(table)["rows"][1]["tasks"]["Avg."]["against_baseline"]["p_is_exact"], true);
}

TEST(TableComparison, ShowsLoopsWhereThereAreAny) {
  std::vector<StudyRun> runs = {a_run("bf16", "GSM8K", 42, "1111"), a_run("rtn-w3", "GSM8K", 42, "1010")};
  for (StudyRun& run : runs) run.run.looping = {false, false, false, false};
  EXPECT_THAT(to_summary(make_table(runs, {})), Not(HasSubstr("looping")));
  runs[1].run.looping[3] = true;
  EXPECT_THAT(to_summary(make_table(runs, {})), HasSubstr(" | 25.0 % | 25.0 % |\n"));  // truncated, looping
  EXPECT_THAT(to_summary(make_table(runs, {})), HasSubstr("| looping |"));
}

}  // namespace
}  // namespace qreason
