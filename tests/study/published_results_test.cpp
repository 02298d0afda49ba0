// Our results beside those of the study (data/published/results.csv, whose numbers are typed from its tables).
#include "study/published_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/method_names.h"
#include "study/table.h"
#include "support/study_run.h"

namespace qreason {
namespace {
using testing::a_run;
using ::testing::HasSubstr;

TEST(PublishedResults, AreAllRowsOfTheFileUnderOurNames) {
  EXPECT_EQ(published_results().size(), 117U * 6);
  for (const PublishedResult& one : published_results()) {
    const std::string_view family = std::string_view(one.method).substr(0, one.method.find('-'));
    const auto known = method_families();
    EXPECT_NE(std::find(known.begin(), known.end(), family), known.end()) << one.method;
    EXPECT_TRUE(published_problems(one.task)) << one.task;
  }
}

TEST(PublishedResults, AreFoundWhateverTheMakerAndTheDegree) {
  const auto mean = [](const char* model, const char* method, const char* task) {
    const PublishedResult* found = find_published(model, method, task);
    return found == nullptr ? -1 : found->accuracy.mean;
  };
  EXPECT_EQ(mean("DeepSeek-R1-Distill-Qwen-1.5B", "BF16", "MATH-500"), 84.7);
  EXPECT_EQ(mean("R1-Distill-Qwen-1.5B", "awq-w4g128", "GPQA-Diamond"), 35.4);
  EXPECT_EQ(mean("deepseek-r1-distill-qwen-7b", "kvquant_star-kv3-tp4", "LiveCodeBench"), 28.1);
  EXPECT_EQ(mean("QwQ-32B", "quarot-w4a4kv4", "AIME-120"), 55.3);
  EXPECT_EQ(mean("QwQ-32B", "quarot-kv4", "AIME-120"), 76.7);
  EXPECT_EQ(mean("Qwen3-8B", "flatquant-w8a8kv8", "Avg."), 76.5);
  EXPECT_EQ(mean("QwQ-32B", "gptq-w4g64", "GSM8K"), -1);  // other groups
  EXPECT_EQ(mean("QwQ-32B", "gptq-w4g128", "steps-easy"), -1);
}

StudyRun of_the_study(const std::string& method, std::uint64_t seed, std::size_t right) {
  StudyRun run = a_run(method, "MATH-500", seed, std::string(right, '1') + std::string(500 - right, '0'));
  run.model = "DeepSeek-R1-Distill-Qwen-1.5B";
  return run;
}

// 84, 85 and 86 %: mean 85, deviation 1; published 84.7 with 1.5: 0.3 / sqrt((1 + 2.25) / 3) = 0.288.
TEST(PublishedResults, StandBesideOurs) {
  std::vector<StudyRun> runs = {of_the_study("bf16", 42, 420), of_the_study("bf16", 43, 425),
                                of_the_study("bf16", 44, 430), a_run("bf16", "MATH-500", 42, "1100")};
  StudyTable table = make_table(runs, {});
  EXPECT_EQ(to_csv(table).find("published"), std::string::npos);
  add_published(table);
  EXPECT_THAT(to_summary(table),
              HasSubstr("| DeepSeek-R1-Distill-Qwen-1.5B | bf16 | MATH-500 | 85.0 ± 1.0 | 84.7 ± 1.5 | "
                        "0.3 | 0.3 |"));
  EXPECT_THAT(to_csv(table), HasSubstr(",84.7,1.5,"));
  EXPECT_THAT(to_latex(table), HasSubstr("& 84.7 $\\pm$ 1.5 (+0.3 SE) \\\\"));
  const OrderedJson published = to_json(table)["rows"][0]["tasks"]["MATH-500"]["published"];
  EXPECT_NEAR(published["standard_errors"].get<double>(), 0.28823, 1e-4);
}

TEST(PublishedResults, OfAnotherNumberOfProblemsStandNotBeside) {
  StudyRun run = a_run("bf16", "MATH-500", 42, "1100");
  run.model = "QwQ-32B";
  StudyTable table = make_table({run}, {});
  add_published(table);
  EXPECT_FALSE(table.rows.at(0).cells.at("MATH-500").published);
  EXPECT_THAT(table.notes, ::testing::ElementsAre(HasSubstr("another number of problems")));
  EXPECT_THAT(to_summary(table), HasSubstr("No result here has a published number beside it."));
}

}  // namespace
}  // namespace qreason
