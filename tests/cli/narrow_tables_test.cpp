// A study's tables for a terminal of any width.
#include "cli/narrow_tables.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/text_width.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;

StudyRun a_run(const std::string& model, const std::string& method, const std::string& task, std::uint64_t seed,
               const std::string& grades) {
  StudyRun run{model, method, task, {}, {}};
  run.run.seed = seed;
  for (std::size_t i = 0; i < grades.size(); ++i) {
    run.run.ids.push_back(fmt::format("q{}", i));
    run.run.grades.push_back(grades[i] - '0');
    run.run.tokens.push_back(120);
    run.run.steps.push_back(1);
    run.run.truncated.emplace_back(false);
  }
  return run;
}

StudyTable a_table(const std::vector<std::string>& tasks, const std::string& model) {
  std::vector<StudyRun> runs;
  for (const std::string& task : tasks)
    for (const std::uint64_t seed : {42, 43})
      for (const std::string method : {"bf16", "kvquant_star-kv3-tp4"})
        runs.push_back(a_run(model, method, task, seed, seed == 42 && method != "bf16" ? "0101" : "1101"));
  return make_table(runs, {});
}

TEST(NarrowTables, ShowWhatSeveralAnswersAreWorth) {
  StudyTable table = a_table({"GSM8K"}, "m");
  table.at_k = {2};
  TableCell& cell = table.rows[0].cells.at("GSM8K");
  cell.at_k = {{.k = 2, .pass = 0.8, .pass_ci95 = Interval{0.5, 1}, .majority = {}, .majority_ci95 = {}}};
  const std::string text = narrow_tables(table, 80);
  EXPECT_THAT(text, HasSubstr("**pass@2** (95 %)"));
  EXPECT_THAT(text, HasSubstr("80.0 (50.0 to 100.0)"));
  EXPECT_THAT(text, HasSubstr("**maj@2** (95 %)"));
  EXPECT_THAT(text, HasSubstr("pass@k: that one of k answers is right"));
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, display_width(line));
  return widest;
}

TEST(NarrowTables, FitTheTerminal) {
  const std::vector<std::string> studys = {"AIME-90",    "AIME-2025",    "MATH-500",     "GSM8K",
                                           "steps-easy", "GPQA-Diamond", "LiveCodeBench"};
  for (const auto& tasks : {std::vector<std::string>{"steps-easy", "steps-medium", "steps-hard"}, studys}) {
    const StudyTable table = a_table(tasks, "DeepSeek-R1-Distill-Qwen-1.5B");
    for (const std::size_t columns : {80, 100, 200}) EXPECT_LE(widest_line(narrow_tables(table, columns)), columns);
    EXPECT_GT(widest_line(to_summary(table)), 100U);
    for (const std::string& task : table.tasks) EXPECT_THAT(narrow_tables(table, 80), HasSubstr(task));
  }
}

TEST(NarrowTables, ShowWhatDecidesModelByModel) {
  const std::string text = narrow_tables(a_table({"GSM8K"}, "m"), 80);
  // bf16: 3 of 4 twice; the variant 2 of 4 once, 3 of 4 once: 62.5, 12.5 points less.
  EXPECT_THAT(text, HasSubstr("\nm\nMETHOD                      GSM8K\n"
                              "bf16                   75.0 ± 0.0\n"
                              "kvquant_star-kv3-tp4  62.5 ± 17.7\n"));
  EXPECT_THAT(text, HasSubstr("**GSM8K**, 4 problems\n\nm\nMETHOD"));
  EXPECT_THAT(text, HasSubstr("-12.5 ("));
  EXPECT_THAT(text, HasSubstr("Against the unquantized model"));
  EXPECT_THAT(text, HasSubstr("HOLM"));
  EXPECT_THAT(text, HasSubstr("\nm\nMETHOD                    GSM8K\n"
                              "bf16                          -\n"
                              "kvquant_star-kv3-tp4  undecided\n"));
  EXPECT_THAT(text, HasSubstr("To resolve 1 point here with 80 % power: "));
}

TEST(NarrowTables, PutPublishedNumbersBesideOurs) {
  std::vector<StudyRun> runs;
  for (const std::uint64_t seed : {42, 43})
    runs.push_back(a_run("QwQ-32B", "bf16", "MATH-500", seed, std::string(480, '1') + std::string(20, '0')));
  StudyTable table = make_table(runs, {});
  add_published(table);
  const std::string text = narrow_tables(table, 80);
  // 96 twice, published 97.5 with 0.2 over three seeds: -1.5 / (0.2 / sqrt(3)) = -13.0.
  EXPECT_THAT(text, HasSubstr("\nQwQ-32B\nMETHOD               MATH-500\nbf16    97.5 ± 0.2 (-13.0 SE)\n"));
  EXPECT_LE(widest_line(text), 80U);
}

TEST(NarrowTables, CutNamesThatAreTooLongAndDisarmThem) {
  StudyTable table = a_table({"GSM8K"}, "m");
  table.rows[0].model = std::string(120, 'M');
  table.rows[1].method = "\x1b[31m" + std::string(120, 'x');
  const std::string text = narrow_tables(table, 80);
  EXPECT_LE(widest_line(text), 80U);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(NarrowTables, ShowMeasures) {
  const OrderedJson measures = {{{"model", "m"}, {"method", "bf16"}, {"perplexity", 12.5}, {"weight_bytes", 1 << 20}},
                                {{"model", "m"},
                                 {"method", "rtn-w4"},
                                 {"perplexity", 13.25},
                                 {"kl_mean", 0.125},
                                 {"kl_p99", 1.5},
                                 {"same_top1", 0.75},
                                 {"weight_bytes", 1 << 19}}};
  const std::string text = narrow_measures(measures, 80);
  EXPECT_THAT(text, HasSubstr("METHOD  PERPLEXITY  KL MEAN  KL 99 %  TOP-1 (%)  MIB\n"
                              "bf16        12.500        -        -          -  1.0\n"
                              "rtn-w4      13.250   0.1250    1.500       75.0  0.5\n"));
  EXPECT_EQ(narrow_measures(OrderedJson::array(), 80), "");
}

}  // namespace
}  // namespace qreason
