// Tables from result files. Expected numbers are worked by hand in each test.
#include "study/table.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "study/collect.h"
#include "support/fixtures.h"
#include "support/study_run.h"

namespace qreason {
namespace {
using testing::a_run;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RunNames, SplitIntoModelAndMethod) {
  const auto split = [](std::string_view name) {
    const RunName parts = split_run_name(name);
    return parts.model + " | " + parts.method;
  };
  EXPECT_EQ(split("DeepSeek-R1-Distill-Qwen-1.5B-gptq-w4g128-tp1"), "DeepSeek-R1-Distill-Qwen-1.5B | gptq-w4g128");
  EXPECT_EQ(split("DeepSeek-R1-Distill-Qwen-1.5B-kvquant_star-kv3-tp4"),
            "DeepSeek-R1-Distill-Qwen-1.5B | kvquant_star-kv3-tp4");
  EXPECT_EQ(split("DeepSeek-R1-Distill-Qwen-7B-quantized.awq-autoawq-w4g128-tp1"),
            "DeepSeek-R1-Distill-Qwen-7B | quantized.awq-autoawq-w4g128");
  EXPECT_EQ(split("QwQ-32B-quantized.gptq-gptqmodel-w4g128-tp4"), "QwQ-32B | quantized.gptq-gptqmodel-w4g128-tp4");
  EXPECT_EQ(split("m-bf16"), "m | bf16");
  EXPECT_EQ(split("m-FP16-tp1"), "m | FP16");
  // A name that says no method is that of no baseline.
  EXPECT_EQ(split("my-model"), "my-model | unknown");
  EXPECT_EQ(split("my-model-tp1"), "my-model | unknown");
  EXPECT_EQ(split("gptq-w4g128"), "gptq-w4g128 | unknown");
  EXPECT_EQ(split("my-gptqish-w4"), "my-gptqish-w4 | unknown");
}

// CPython: len(text.split("\n\n")).
TEST(Steps, AreCountedAsPythonSplits) {
  EXPECT_EQ(count_steps(""), 1);
  EXPECT_EQ(count_steps("a\n\nb"), 2);
  EXPECT_EQ(count_steps("a\n\n\nb"), 2);
  EXPECT_EQ(count_steps("\n\n\n\n"), 3);
}

TEST(Table, NotesProgramsThatRanWithoutASandbox) {
  std::vector<StudyRun> runs = {a_run("bf16", "LiveCodeBench", 42, "10"), a_run("bf16", "GSM8K", 42, "10")};
  runs[0].origin.sandbox = "bubblewrap";
  EXPECT_TRUE(make_table(runs, {}).notes.empty());
  runs[0].origin.sandbox = "none";
  EXPECT_THAT(make_table(runs, {}).notes,
              ::testing::ElementsAre(HasSubstr("without a sandbox (--allow-unsafe-execution) and "
                                               "could have read the tests: m bf16 LiveCodeBench")));
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
  EXPECT_DOUBLE_EQ(*pair.tokens.of_means, 1.5);
  // Half of four right, at most all of them: the interval is clipped. 2 worse, 1 better.
  EXPECT_THAT(to_summary(table), HasSubstr("| m | rtn-w3 | 50.0 | 0.0 to 100.0 | -25.0 |"));
  EXPECT_THAT(to_summary(table), HasSubstr("| 2 | 1 | 1.000 | 1.000 | 1.000 | undecided (risky) | 66.7 % | 150 |"));
  EXPECT_THAT(to_csv(table), HasSubstr(",-25,"));
  EXPECT_THAT(to_csv(table), HasSubstr(",66.66666666666667,1.5,1,"));  // recovery, token ratio, McNemar's p
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

TEST(Table, ComparesAime120OverTheSeedsThatAllPartsHave) {
  // Three to one problem: each weighs a quarter. bf16: seed 42 3/4, seed 43 1/4 (mean 50, deviation 35.4); rtn-w3: 2/4
  // and 1/4 (mean 37.5). Of seed 44 a part is missing. In common: one worse, none better.
  const std::vector<StudyRun> runs = {a_run("bf16", "AIME-90", 42, "110"),   a_run("bf16", "AIME-90", 43, "000"),
                                      a_run("bf16", "AIME-90", 44, "111"),   a_run("bf16", "AIME-2025", 42, "1"),
                                      a_run("bf16", "AIME-2025", 43, "1"),   a_run("rtn-w3", "AIME-90", 42, "100"),
                                      a_run("rtn-w3", "AIME-90", 43, "000"), a_run("rtn-w3", "AIME-2025", 42, "1"),
                                      a_run("rtn-w3", "AIME-2025", 43, "1")};
  const StudyTable table = make_table(runs, {});
  const TableCell& base = table.rows.at(0).cells.at("AIME-120");
  EXPECT_DOUBLE_EQ(base.value.mean, 50);
  EXPECT_NEAR(*base.value.std, 50 / std::sqrt(2.0), 1e-9);
  EXPECT_EQ(base.per_seed.size(), 2U);
  EXPECT_EQ(base.problems, 4);
  const TableCell& variant = table.rows.at(1).cells.at("AIME-120");
  ASSERT_TRUE(variant.against_baseline) << variant.not_compared;
  EXPECT_NEAR(variant.against_baseline->difference, -0.125, 1e-12);
  EXPECT_EQ(variant.against_baseline->flips->right_to_wrong, 1);
  EXPECT_EQ(variant.against_baseline->flips->wrong_to_right, 0);
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

StudyRun from(StudyRun run, const std::string& model, RunOrigin origin) {
  run.model = model;
  run.origin = std::move(origin);
  return run;
}
RunOrigin float_model(const std::string& sha256, const std::string& arithmetic = "") {
  return {.model_sha256 = sha256, .original_sha256 = sha256, .dtype = "auto", .arithmetic = arithmetic};
}
RunOrigin quantized_from(const std::string& sha256, const std::string& arithmetic = "") {
  return {.model_sha256 = "q" + sha256, .original_sha256 = sha256, .dtype = "auto", .arithmetic = arithmetic};
}
const TableCell& cell_of(const StudyTable& table, const std::string& model, const std::string& method) {
  for (const TableRow& row : table.rows)
    if (row.model == model && row.method == method) return row.cells.begin()->second;
  throw Error("test", "no row " + model + " " + method);
}

TEST(Baselines, AreFoundByTheHashOfTheOriginalWhateverTheNames) {
  const std::vector<StudyRun> runs = {from(a_run("bf16", "GSM8K", 42, "1111"), "first", float_model("aa")),
                                      from(a_run("bf16", "GSM8K", 42, "1100"), "second", float_model("bb")),
                                      from(a_run("rtn-w4", "GSM8K", 42, "1000"), "first", quantized_from("bb"))};
  const StudyTable table = make_table(runs, {});
  // 1/4 against the 2/4 of "second", not the 4/4 of the row that has its name.
  EXPECT_DOUBLE_EQ(cell_of(table, "first", "rtn-w4").against_baseline->difference, -0.25);
  EXPECT_TRUE(table.notes.empty());
}

TEST(Baselines, PreferTheSameTypeAndName) {
  RunOrigin single = float_model("aa");
  single.dtype = "float32";
  const std::vector<StudyRun> runs = {from(a_run("float32", "GSM8K", 42, "1111"), "m", single),
                                      from(a_run("bf16", "GSM8K", 42, "1110"), "other", float_model("aa")),
                                      from(a_run("bf16", "GSM8K", 42, "1100"), "m", float_model("aa")),
                                      from(a_run("rtn-w4", "GSM8K", 42, "1000"), "m", quantized_from("aa"))};
  EXPECT_DOUBLE_EQ(cell_of(make_table(runs, {}), "m", "rtn-w4").against_baseline->difference, -0.25);
}

TEST(Baselines, AreNotTakenFromAnotherModelOfTheSameName) {
  const std::vector<StudyRun> runs = {from(a_run("bf16", "GSM8K", 42, "1111"), "m", float_model("aa")),
                                      from(a_run("rtn-w4", "GSM8K", 42, "1000"), "m", quantized_from("bb"))};
  const StudyTable table = make_table(runs, {});
  EXPECT_FALSE(cell_of(table, "m", "rtn-w4").against_baseline);
  EXPECT_EQ(cell_of(table, "m", "rtn-w4").not_compared, "another original");
  EXPECT_THAT(to_markdown(table), HasSubstr("| another original |"));
  ASSERT_EQ(table.notes.size(), 1U);
  EXPECT_THAT(table.notes[0], HasSubstr("quantized from another model"));
}

TEST(Baselines, AreNamedByMethodRowOrModel) {
  const std::vector<StudyRun> runs = {
      a_run("bf16", "GSM8K", 42, "1111"), a_run("gptq-w4", "GSM8K", 42, "1110"), a_run("rtn-w4", "GSM8K", 42, "1000"),
      from(a_run("unknown", "GSM8K", 42, "1100"), "free", {}), from(a_run("rtn-w4", "GSM8K", 42, "1100"), "lone", {})};
  const auto difference = [&](const std::string& baseline) {
    const StudyTable table = make_table(runs, {.models = {}, .methods = {}, .baseline = baseline});
    EXPECT_THAT(to_summary(table), HasSubstr("Against " + baseline + ", on the same problems"));
    return cell_of(table, "m", "rtn-w4").against_baseline->difference;
  };
  EXPECT_DOUBLE_EQ(difference("gptq-w4"), -0.5);
  EXPECT_DOUBLE_EQ(difference("m-gptq-w4"), -0.5);
  EXPECT_DOUBLE_EQ(difference("free-unknown"), -0.25);
  EXPECT_DOUBLE_EQ(difference("free"), -0.25);
  // By method each model has its own; where one has none, the table says so.
  const StudyTable table = make_table(runs, {.models = {}, .methods = {}, .baseline = "gptq-w4"});
  EXPECT_EQ(cell_of(table, "lone", "rtn-w4").not_compared, "no baseline");
  EXPECT_EQ(cell_of(table, "m", "gptq-w4").not_compared, "");
  EXPECT_THROW(make_table(runs, {.models = {}, .methods = {}, .baseline = "awq"}), Error);
  EXPECT_THROW(make_table(runs, {.models = {}, .methods = {}, .baseline = "m"}), Error);  // three rows
}

TEST(Table, SaysWhyARowIsNotCompared) {
  StudyRun other = a_run("gptq-w4", "GSM8K", 42, "1000");
  other.run.ids[3] = "another";
  const StudyTable table = make_table({a_run("bf16", "GSM8K", 42, "1111"), other, a_run("rtn-w4", "MATH-500", 42, "10"),
                                       from(a_run("rtn-w4", "GSM8K", 42, "1100"), "orphan", {})},
                                      {});
  EXPECT_THAT(to_markdown(table), HasSubstr("| m | gptq-w4 | 25.0 | 0.0 to 100.0 | other problems | - |"));
  EXPECT_THAT(to_markdown(table), HasSubstr("| m | rtn-w4 | 50.0 | 0.0 to 100.0 | not run by the baseline | - |"));
  EXPECT_THAT(to_markdown(table), HasSubstr("| orphan | rtn-w4 | 50.0 | 0.0 to 100.0 | no baseline | - |"));
  EXPECT_THAT(table.notes, ::testing::Contains(HasSubstr("orphan-rtn-w4: no results of the unquantized model")));
  EXPECT_EQ(to_json(table)["rows"][1]["tasks"]["GSM8K"]["not_compared"], "other problems");
  EXPECT_FALSE(to_json(table)["rows"][0]["tasks"]["GSM8K"].contains("not_compared"));
}

// Equal ids are not equal problems, nor equal conditions.
TEST(Table, ComparesRowsThatWereAskedTheSame) {
  const auto asked = [](const std::string& method, const std::string& task, const std::string& data,
                        const std::string& sampling) {
    StudyRun run = a_run(method, task, 42, "1101");
    run.origin.dataset_sha256 = data;
    run.origin.sampling = sampling;
    return run;
  };
  const std::string cold = R"({"temperature":0.0})", warm = R"({"temperature":0.6})";
  const auto table_of = [&](const StudyRun& other) {
    return make_table({asked("bf16", "GSM8K", "d1", warm), other}, {});
  };
  const StudyTable other_data = table_of(asked("rtn-w4", "GSM8K", "d2", warm));
  EXPECT_EQ(cell_of(other_data, "m", "rtn-w4").not_compared, "other problems");
  EXPECT_FALSE(cell_of(other_data, "m", "rtn-w4").against_baseline);
  EXPECT_THAT(other_data.notes, ::testing::Contains(HasSubstr("other problems than the baseline's")));

  const StudyTable other_settings = table_of(asked("rtn-w4", "GSM8K", "d1", cold));
  EXPECT_TRUE(cell_of(other_settings, "m", "rtn-w4").against_baseline);
  EXPECT_THAT(other_settings.notes,
              ::testing::Contains("m rtn-w4 GSM8K: other sampling settings (temperature 0.0 and 0.6) than the "
                                  "baseline's, compared all the same"));

  StudyRun shuffled = asked("rtn-w4", "GSM8K", "d1", warm), base = asked("bf16", "GSM8K", "d1", warm);
  shuffled.origin.shuffle_seed = "1234";
  base.origin.shuffle_seed = "42";
  EXPECT_THAT(make_table({base, shuffled}, {}).notes,
              ::testing::Contains(HasSubstr("other orders of choices than the baseline's")));

  EXPECT_TRUE(table_of(asked("rtn-w4", "GSM8K", "d1", warm)).notes.empty());
  EXPECT_TRUE(table_of(asked("rtn-w4", "GSM8K", "", "")).notes.empty());  // nothing is known

  // A mean of tasks of which one is not the same is none that could be compared.
  std::vector<StudyRun> tiers;
  for (const char* task : {"steps-easy", "steps-medium", "steps-hard"}) {
    tiers.push_back(asked("bf16", task, "d1", warm));
    tiers.push_back(asked("rtn-w4", task, std::string(task) == "steps-hard" ? "d2" : "d1", warm));
  }
  EXPECT_EQ(make_table(tiers, {}).rows.at(1).cells.at("steps").not_compared, "other problems");
}

// A folder with a free name in the study's form, which keeps no header: listed, but compared with nothing and nothing
// with it.
TEST(Table, TakesAnUnknownMethodForNoBaseline) {
  const StudyTable table =
      make_table({a_run("unknown", "GSM8K", 42, "1111"), a_run("rtn-w4", "GSM8K", 42, "1000")}, {});
  EXPECT_EQ(cell_of(table, "m", "rtn-w4").not_compared, "no baseline");
  EXPECT_EQ(cell_of(table, "m", "unknown").not_compared, "no baseline");
}

TEST(Table, WarnsOfSeedsThatWereNotAskedTheSame) {
  std::vector<StudyRun> runs = {a_run("bf16", "GSM8K", 42, "10"), a_run("bf16", "GSM8K", 43, "10"),
                                a_run("bf16", "MATH-500", 42, "10")};
  for (StudyRun& run : runs)
    run.origin = {.dtype = "auto", .sampling = R"({"temperature":0.6,"top_p":0.95})", .dataset_sha256 = run.task};
  EXPECT_TRUE(make_table(runs, {}).notes.empty());
  const auto notes_with = [&](std::string RunOrigin::*member, const char* value) {
    std::vector<StudyRun> changed = runs;
    changed[1].origin.*member = value;
    return make_table(changed, {}).notes;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(
      notes_with(&RunOrigin::sampling, R"({"temperature":1.0,"top_p":0.95,"thinking_budget":100})"),
      ElementsAre("m bf16 GSM8K: seeds with different sampling settings (temperature 0.6 and 1.0, thinking_budget "
                  "none and 100), averaged all the same"));
  EXPECT_THAT(notes_with(&RunOrigin::dtype, "float32"), ElementsAre(HasSubstr("different dtypes")));
  EXPECT_THAT(notes_with(&RunOrigin::dataset_sha256, "x"), ElementsAre(HasSubstr("different problems")));
  EXPECT_TRUE(notes_with(&RunOrigin::dataset_sha256, "").empty());
}

TEST(Table, WarnsOfRowsOfDifferentArithmeticAndOfDifferentModelsUnderOneName) {
  std::vector<StudyRun> runs = {from(a_run("bf16", "GSM8K", 42, "1111"), "m", float_model("aa", "portable")),
                                from(a_run("rtn-w4", "GSM8K", 42, "1000"), "m", quantized_from("aa", "portable")),
                                from(a_run("rtn-w4", "GSM8K", 43, "1000"), "m", quantized_from("aa", ""))};
  EXPECT_TRUE(make_table(runs, {}).notes.empty());
  runs[1].origin.arithmetic = "fast";
  ASSERT_EQ(make_table(runs, {}).notes.size(), 1U);
  EXPECT_THAT(make_table(runs, {}).notes[0], HasSubstr("fast (m rtn-w4), portable (m bf16)"));
  runs[1].origin.arithmetic = "portable";
  for (const std::size_t unknown : {1, 2}) {  // whose file does not tell what it is of: no other model
    std::vector<StudyRun> with = runs;
    with[unknown].origin = {};
    EXPECT_TRUE(make_table(with, {}).notes.empty()) << unknown;
    EXPECT_EQ(cell_of(make_table(with, {}), "m", "rtn-w4").not_compared, "");
  }
  runs[2].origin.model_sha256 = "cc";
  EXPECT_THAT(make_table(runs, {}).notes, ::testing::ElementsAre("m rtn-w4: runs of different models under one name"));
}

TEST(Table, LetsNoSpreadsheetRunAName) {
  for (const std::string name : {"=HYPERLINK(\"http://x\")", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"}) {
    StudyTable table = make_table({a_run("bf16", "GSM8K", 42, "1")}, {});
    table.rows[0].model = name;
    const std::string csv = to_csv(table);
    const std::string row = csv.substr(csv.find('\n') + 1);
    EXPECT_TRUE(row.starts_with("'") || row.starts_with("\"'")) << row;
  }
  StudyTable table = make_table({a_run("bf16", "GSM8K", 42, "1")}, {});
  table.rows[0].model = "-1.5";  // a number is none
  EXPECT_THAT(to_csv(table), HasSubstr("\n-1.5,bf16,"));
}

TEST(Table, KeepsARowOnItsLine) {
  StudyTable table = make_table({a_run("bf16", "GSM8K", 42, "1")}, {});
  table.rows[0].model = "a\nb|c";
  EXPECT_THAT(to_markdown(table), HasSubstr("| a b\\|c | bf16 | 100.0 |"));
}

ResultFile file_in(const std::string& folder, const std::string& model, const std::string& method,
                   ResultFormat format) {
  return {.path = "out/" + folder + "/GSM8K.jsonl",
          .format = format,
          .header = {.task = "GSM8K", .model = model, .method = method, .seed = 42, .dataset = {}, .provenance = {}},
          .answers = {}};
}

TEST(StudyForm, PutsModelAndMethodIntoTheNameOfTheFolder) {
  const auto name = [](const std::string& folder, const std::string& model, const std::string& method) {
    return study_folder_name(file_in(folder, model, method, ResultFormat::kOurs));
  };
  EXPECT_EQ(name("m-gptq-w4-seed42", "m", "gptq-w4"), "m-gptq-w4-seed42");
  EXPECT_EQ(name("free-seed42", "free", "gptq-w4"), "free-gptq-w4-seed42");
  EXPECT_EQ(name("m-seed42", "m", "bf16"), "m-bf16-seed42");
  EXPECT_EQ(name("m-bf16-seed41", "m", "bf16"), "m-bf16-seed42");
  EXPECT_THROW(name("m-seed42", "../m", "bf16"), Error);
  EXPECT_EQ(study_folder_name(file_in("R1-seed42", "R1", "", ResultFormat::kStudy)), "R1-seed42");
}

// As make_stats_table of the study's repository makes the names that it looks for.
TEST(StudyForm, NamesFoldersAsTheStudysScriptLooksForThem) {
  const auto name = [](const std::string& model, const std::string& method) {
    return study_script_folder_name(file_in("x-seed42", model, method, ResultFormat::kOurs));
  };
  EXPECT_EQ(name("QwQ-32B", "bf16"), "QwQ-32B-seed42");
  EXPECT_EQ(name("QwQ-32B", "awq-w4g128"), "QwQ-32B-awq-w4g128-tp4-seed42");
  EXPECT_EQ(name("DeepSeek-R1-Distill-Llama-70B", "quarot-kv3"), "DeepSeek-R1-Distill-Llama-70B-quarot-kv3-tp8-seed42");
  EXPECT_EQ(name("QwQ-32B", "smoothquant-w8a8kv8-tp1"), "QwQ-32B-smoothquant-w8a8kv8-tp1-seed42");
  EXPECT_EQ(name("QwQ-32B", "quantized.awq-autoawq-w4g128"), "QwQ-32B-quantized.awq-autoawq-w4g128-seed42");
  EXPECT_THROW(name("../m", "bf16"), Error);
}

TEST(Collect, ReadsTheOriginOfARun) {
  ResultFile file = file_in("m-seed42", "m", "rtn-w4", ResultFormat::kOurs);
  file.header.provenance = {{"model", {{"sha256", "11"}, {"original_sha256", "22"}, {"dtype", "auto"}}},
                            {"arithmetic", "portable"}};
  const RunOrigin origin = to_study_run(file).origin;
  EXPECT_EQ(origin.model_sha256 + origin.original_sha256 + origin.dtype + origin.arithmetic, "1122autoportable");
  file.header.provenance["model"].erase("original_sha256");
  EXPECT_EQ(to_study_run(file).origin.original_sha256, "");
  file.header.method = "bf16";  // its own original
  EXPECT_EQ(to_study_run(file).origin.original_sha256, "11");
  file.header.provenance = {{"model", 3}};
  EXPECT_EQ(to_study_run(file).origin.model_sha256, "");
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
