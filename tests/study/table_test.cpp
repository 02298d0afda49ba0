// Tables from result files. Expected numbers are worked by hand in each test.
#include "study/table.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "study/collect.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;
using ::testing::Not;

StudyRun a_run(const std::string& method, const std::string& task, std::uint64_t seed, const std::string& grades,
               std::int64_t tokens = 100) {
  StudyRun run{"m", method, task, {}};
  run.run.name = method + "/" + task;
  run.run.seed = seed;
  for (std::size_t i = 0; i < grades.size(); ++i) {
    run.run.ids.push_back(fmt::format("q{}", i));
    run.run.grades.push_back(grades[i] - '0');
    run.run.tokens.push_back(tokens);
    run.run.steps.push_back(static_cast<std::int64_t>(i) + 1);
    run.run.truncated.emplace_back(i == 0);
  }
  return run;
}

TEST(RunNames, SplitIntoModelAndMethod) {
  const auto split = [](std::string_view name) {
    const RunName parts = split_run_name(name);
    return parts.model + " | " + parts.method;
  };
  EXPECT_EQ(split("DeepSeek-R1-Distill-Qwen-1.5B-gptq-w4g128-tp1"), "DeepSeek-R1-Distill-Qwen-1.5B | gptq-w4g128");
  EXPECT_EQ(split("DeepSeek-R1-Distill-Qwen-1.5B-kvquant_star-kv3-tp4"),
            "DeepSeek-R1-Distill-Qwen-1.5B | kvquant_star-kv3-tp4");
  EXPECT_EQ(split("DeepSeek-R1-Distill-Qwen-1.5B"), "DeepSeek-R1-Distill-Qwen-1.5B | bf16");
  EXPECT_EQ(split("DeepSeek-R1-Distill-Qwen-1.5B-tp1"), "DeepSeek-R1-Distill-Qwen-1.5B | bf16");
  EXPECT_EQ(split("m-bf16"), "m | bf16");
}

// CPython: len(text.split("\n\n")).
TEST(Steps, AreCountedAsPythonSplits) {
  EXPECT_EQ(count_steps(""), 1);
  EXPECT_EQ(count_steps("a\n\nb"), 2);
  EXPECT_EQ(count_steps("a\n\n\nb"), 2);
  EXPECT_EQ(count_steps("\n\n\n\n"), 3);
}

TEST(Table, ShowsMeanAndSampleDeviationOverSeeds) {
  // 2/4, 3/4, 4/4 right: 75 +- 25 (ddof 1).
  const std::vector<StudyRun> runs = {a_run("bf16", "GSM8K", 42, "1100"), a_run("bf16", "GSM8K", 43, "1110"),
                                      a_run("bf16", "GSM8K", 44, "1111")};
  const StudyTable table = make_table(runs, {});
  const TableCell& cell = table.rows.at(0).cells.at("GSM8K");
  EXPECT_DOUBLE_EQ(cell.value.mean, 75);
  EXPECT_DOUBLE_EQ(*cell.value.std, 25);
  EXPECT_DOUBLE_EQ(*cell.truncation_rate, 0.25);  // the first of four, each seed
  EXPECT_THAT(to_markdown(table), HasSubstr("| m | bf16 | 75.0 ± 25.0 |"));
  EXPECT_THAT(to_markdown(table), HasSubstr("| m | bf16 | GSM8K | 50.0 | 75.0 | 100.0 | 75.0 | 25.0 | 3 |"));
  EXPECT_THAT(to_csv(table), HasSubstr("\nm,bf16,GSM8K,accuracy,75,25,3,4,"));
  EXPECT_THAT(to_latex(table), HasSubstr("m & bf16 & 75.0 $\\pm$ 25.0 \\\\"));
  EXPECT_EQ(to_json(table)["rows"][0]["tasks"]["GSM8K"]["n_seeds"], 3);
}

TEST(Table, EscapesNamesForLatex) {
  StudyTable table = make_table({a_run("bf16", "GSM8K", 42, "1")}, {});
  table.rows[0].model = "a_b^c~d\\e{f}&50%";
  EXPECT_THAT(to_latex(table), HasSubstr("a\\_b\\^{}c\\~{}d\\textbackslash{}e\\{f\\}\\&50\\%"));
}

TEST(Table, MarksMissingSeedsAndMissingTasks) {
  const std::vector<StudyRun> runs = {a_run("bf16", "GSM8K", 42, "1100"), a_run("bf16", "GSM8K", 43, "1110"),
                                      a_run("rtn-w3", "GSM8K", 43, "1000"), a_run("bf16", "MATH-500", 42, "10"),
                                      a_run("bf16", "MATH-500", 43, "11")};
  const std::string text = to_markdown(make_table(runs, {}));
  EXPECT_THAT(text, HasSubstr("| m | rtn-w3 | - | 25.0 (1/2 seeds) |"));
  EXPECT_THAT(text, HasSubstr("| m | rtn-w3 | GSM8K | - | 25.0 | 25.0 | - | 1 |"));
}

TEST(Table, ComparesWithTheUnquantizedModelOnTheSameProblems) {
  // Seed 42: q0 and q1 right to wrong, q3 wrong to right. Difference -1/4; exact McNemar of (2, 1): 2 * (1 + 3) / 8
  // = 1.
  const std::vector<StudyRun> runs = {a_run("rtn-w3", "GSM8K", 42, "0011", 150),
                                      a_run("BF16", "GSM8K", 42, "1110", 100)};
  const StudyTable table = make_table(runs, {});
  EXPECT_EQ(table.rows[0].method, "BF16");
  EXPECT_FALSE(table.rows[0].cells.at("GSM8K").against_baseline);
  const PairStatistics& pair = *table.rows[1].cells.at("GSM8K").against_baseline;
  EXPECT_DOUBLE_EQ(pair.difference, -0.25);
  EXPECT_EQ(pair.flips->right_to_wrong, 2);
  EXPECT_EQ(pair.flips->wrong_to_right, 1);
  EXPECT_DOUBLE_EQ(pair.mcnemar[0].p_exact, 1);
  EXPECT_DOUBLE_EQ(pair.p_sign_flip, 1);
  EXPECT_DOUBLE_EQ(*pair.token_ratio_of_means, 1.5);
  // Half of four right, at most all of them: the interval is clipped. 2 worse, 1 better.
  EXPECT_THAT(to_summary(table), HasSubstr("| m | rtn-w3 | 50.0 | 0.0 to 100.0 | -25.0 |"));
  EXPECT_THAT(to_summary(table), HasSubstr("| 2 | 1 | 1.000 | 1.000 | 150 |"));
  EXPECT_THAT(to_csv(table), HasSubstr(",-25,"));
  EXPECT_THAT(to_csv(table), HasSubstr(",1.5,1\n"));  // token ratio, McNemar's p
  EXPECT_THAT(to_summary(table), HasSubstr("**GSM8K**, 4 problems, seeds 42"));
  EXPECT_THAT(to_summary(table), Not(HasSubstr("Per seed")));
}

TEST(Table, ComparesTiersOfEqualSizeAsOneSetOfProblems) {
  // bf16 right on 2 + 1 + 1 of 6, rtn-w3 on 1 + 0 + 1: two worse, none better. Exact McNemar of (2, 0): 2 * 1/4 = 0.5.
  const std::vector<StudyRun> runs = {
      a_run("bf16", "steps-easy", 42, "11"),     a_run("bf16", "steps-medium", 42, "10"),
      a_run("bf16", "steps-hard", 42, "01"),     a_run("rtn-w3", "steps-easy", 42, "10"),
      a_run("rtn-w3", "steps-medium", 42, "00"), a_run("rtn-w3", "steps-hard", 42, "01")};
  const StudyTable table = make_table(runs, {});
  EXPECT_THAT(table.tasks, ::testing::ElementsAre("steps-easy", "steps-medium", "steps-hard", "steps"));
  const TableCell& all = table.rows.at(1).cells.at("steps");
  EXPECT_NEAR(all.value.mean, 100.0 / 3, 1e-9);
  ASSERT_TRUE(all.against_baseline);
  EXPECT_NEAR(all.against_baseline->difference, -1.0 / 3, 1e-12);
  EXPECT_EQ(all.against_baseline->flips->right_to_wrong, 2);
  EXPECT_EQ(all.against_baseline->flips->wrong_to_right, 0);
  EXPECT_DOUBLE_EQ(all.against_baseline->mcnemar[0].p_exact, 0.5);
}

TEST(Table, ComposesAime120AndLeavesAvgOutUntilAllPartsAreThere) {
  // 0.75 * 50 + 0.25 * 100 = 62.5
  const std::vector<StudyRun> runs = {a_run("bf16", "AIME-90", 42, "10"), a_run("bf16", "AIME-2025", 42, "11")};
  const StudyTable table = make_table(runs, {});
  EXPECT_DOUBLE_EQ(table.rows[0].cells.at("AIME-120").value.mean, 62.5);
  EXPECT_THAT(table.tasks, ::testing::ElementsAre("AIME-90", "AIME-2025", "AIME-120"));
}

TEST(Table, CountsStepsAndTokens) {
  const std::vector<StudyRun> runs = {a_run("bf16", "GSM8K", 42, "1100", 30), a_run("bf16", "GSM8K", 43, "1100", 50)};
  EXPECT_DOUBLE_EQ(
      make_table(runs, {.metric = Metric::kSteps, .models = {}, .methods = {}}).rows[0].cells.at("GSM8K").value.mean,
      2.5);
  EXPECT_DOUBLE_EQ(
      make_table(runs, {.metric = Metric::kTokens, .models = {}, .methods = {}}).rows[0].cells.at("GSM8K").value.mean,
      40);
}

TEST(Collect, ReadsAFolderOfTheStudysResults) {
  QREASON_REQUIRE_SHARED(traces, "data/traces_r1_distill_qwen_1.5b");
  testing::ScratchFolder scratch;
  const auto put = [&](const std::string& folder, const std::string& from, const std::string& task) {
    std::filesystem::create_directories(scratch.path() / folder);
    std::filesystem::copy_file(traces / from, scratch.path() / folder / (task + ".jsonl"));
  };
  put("R1-gptq-w4g128-tp1-seed42", "gptq-w4g128_AIME-90.json", "AIME-90");
  put("R1-kvquant_star-kv3-tp1-seed42", "kvquant_star-kv3_MATH-500.json", "MATH-500");
  write_file_atomic(scratch.path() / "table.json", "{}");
  write_file_atomic(scratch.path() / "R1-gptq-w4g128-tp1-seed42/GSM8K.jsonl.partial", "{}");
  const StudyTable table = make_table(collect_runs(scratch.path()), {});
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0].method, "gptq-w4g128");
  EXPECT_NEAR(table.rows[0].cells.at("AIME-90").value.mean, 100.0 * 17 / 90, 1e-9);  // 17 recorded as right
  EXPECT_EQ(table.rows[1].cells.at("MATH-500").value.mean, 61);                      // 61 of 100
  EXPECT_FALSE(table.rows[0].cells.at("AIME-90").tokens);                            // not recorded there
  EXPECT_THROW(collect_runs(scratch.path() / "R1-gptq-w4g128-tp1-seed42" / "x"), Error);
}

}  // namespace
}  // namespace qreason
