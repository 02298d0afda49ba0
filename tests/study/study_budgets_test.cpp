// Rows of a study with limits to thoughts: they run the checkpoints of the rows without, and have results of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "study/file_worker.h"
#include "study/study_runner.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::FileWorker;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr const char* kStudy = R"(
tasks = ["gsm8k"]
seeds = [42]
methods = ["bf16", "rtn-w4g64"]
[measure]
text = "wikitext2"
[[budget]]
name = "at-most-64"
thinking_budget = 64
[[budget]]
name = "wait"
thinking_minimum = 100
[[model]]
model = "A"
budgets = ["at-most-64", "wait"]
[[model]]
model = "B"
name = "B-outliers"
methods = ["bf16"]
budgets = ["wait"]
[model.outliers]
factor = 32
)";

TEST(StudyBudgets, AreModelsOfTheirOwnWithTheSameWeights) {
  const StudySpec spec = parse_study(kStudy, "s.toml");
  std::vector<std::string> names, weights;
  for (const StudyModel& model : spec.models) {
    names.push_back(model.name);
    weights.push_back(model.weights);
  }
  EXPECT_THAT(names, ElementsAre("A", "A-at-most-64", "A-wait", "B-outliers", "B-outliers-wait"));
  EXPECT_THAT(weights, ElementsAre("A", "A", "A", "B-outliers", "B-outliers"));
  EXPECT_EQ(spec.models[0].sampling.thinking_budget, 0);
  EXPECT_EQ(spec.models[1].sampling.thinking_budget, 64);
  EXPECT_EQ(spec.models[1].sampling.thinking_minimum, 0);
  EXPECT_EQ(spec.models[2].sampling.thinking_minimum, 100);
  EXPECT_TRUE(spec.models[0].measure);
  EXPECT_FALSE(spec.models[1].measure);  // the same weights
}

TEST(StudyBudgets, NameTheLineOfWhatIsWrong) {
  const auto parsing = [](std::string text) { return [text = std::move(text)] { parse_study(text, "s.toml"); }; };
  const std::string before = "tasks = [\"GSM8K\"]\nmethods = [\"bf16\"]\n[[budget]]\nname = \"b\"\n";
  EXPECT_THAT(parsing(before), ThrowsMessage<Error>(HasSubstr("thinking_budget, thinking_minimum, or both")));
  const std::string budget = before + "thinking_budget = 8\n";
  EXPECT_THAT(parsing(budget + "[[budget]]\nname = \"b\"\nthinking_budget = 9\n"),
              ThrowsMessage<Error>(HasSubstr("line 6: two budgets b")));
  EXPECT_THAT(parsing(budget + "tokens = 8\n"), ThrowsMessage<Error>(HasSubstr("the key \"tokens\"")));
  EXPECT_THAT(parsing(budget + "[[model]]\nmodel = \"a\"\nbudgets = [\"c\"]\n"),
              ThrowsMessage<Error>(HasSubstr("budget c, expected the name of a [[budget]]")));
  EXPECT_THAT(parsing(budget + "thinking_minimum = 9\n[[model]]\nmodel = \"a\"\nbudgets = [\"b\"]\n"),
              ThrowsMessage<Error>(HasSubstr("at most the thinking budget")));
  EXPECT_THAT(parsing(budget + "[[model]]\nmodel = \"a\"\nbudgets = [\"b\"]\n[[model]]\nmodel = \"a-b\"\n"),
              ThrowsMessage<Error>(HasSubstr("two models a-b")));
  EXPECT_THAT(parsing("methods = [\"bf16\"]\nbudgets = [\"b\"]\n[measure]\ntext = \"t\"\n[[budget]]\nname = \"b\"\n"
                      "thinking_budget = 8\n[[model]]\nmodel = \"a\"\n"),
              ThrowsMessage<Error>(HasSubstr("budgets without tasks")));
}

TEST(StudyBudgets, QuantizeNothingTwice) {
  testing::ScratchFolder scratch;
  const StudySpec spec = parse_study(kStudy, "s.toml");
  FileWorker worker;
  const StudyOutcome outcome = run_study(spec, {.folder = scratch.path()}, worker);
  EXPECT_THAT(
      worker.steps,
      ElementsAre("measure A-bf16", "evaluate A-bf16 42", "evaluate A-at-most-64-bf16 42", "evaluate A-wait-bf16 42",
                  "quantize A-rtn-w4g64", "measure A-rtn-w4g64", "evaluate A-rtn-w4g64 42",
                  "evaluate A-at-most-64-rtn-w4g64 42", "evaluate A-wait-rtn-w4g64 42", "outliers B-outliers",
                  "measure B-outliers-bf16", "evaluate B-outliers-bf16 42", "evaluate B-outliers-wait-bf16 42"));
  EXPECT_THAT(outcome.markdown, HasSubstr("| A-at-most-64 | rtn-w4g64 | 100.0 |"));
  EXPECT_FALSE(fs::exists(scratch.path() / "models" / "A-wait-rtn-w4g64"));
  EXPECT_TRUE(fs::exists(scratch.path() / "results" / "A-wait-rtn-w4g64-seed42" / "GSM8K.jsonl"));
  FileWorker again;
  run_study(spec, {.folder = scratch.path()}, again);
  EXPECT_TRUE(again.steps.empty());
}

TEST(StudyBudgets, GoOnAfterAKill) {
  const StudySpec spec = parse_study(kStudy, "s.toml");
  testing::ScratchFolder reference;
  FileWorker whole;
  const std::string expected = run_study(spec, {.folder = reference.path()}, whole).markdown;
  for (const int killed_at : {1, 4, 6, 10}) {  // before and behind the checkpoint, at its other rows, at the outliers
    testing::ScratchFolder scratch;
    FileWorker first(killed_at), second;
    EXPECT_THROW(run_study(spec, {.folder = scratch.path()}, first), Error);
    EXPECT_EQ(run_study(spec, {.folder = scratch.path()}, second).markdown, expected);
    EXPECT_EQ(first.steps.size() + second.steps.size(), 13U);
  }
}

TEST(StudyBudgets, StayBehindTheirCheckpointSideBySideAndInShards) {
  const StudySpec spec = parse_study(kStudy, "s.toml");
  testing::ScratchFolder reference, beside, shards;
  FileWorker whole, both;
  const std::string expected = run_study(spec, {.folder = reference.path()}, whole).markdown;
  EXPECT_EQ(run_study(spec, {.folder = beside.path(), .jobs = 3}, both).markdown, expected);
  EXPECT_THAT(both.steps, ::testing::UnorderedElementsAreArray(whole.steps));
  StudyOptions merged{.folder = shards.path() / "merged"};
  std::size_t steps = 0;
  for (std::int64_t index = 1; index <= 2; ++index) {
    FileWorker worker;
    merged.merged.push_back(shards.path() / std::to_string(index));
    run_study(spec, {.folder = merged.merged.back(), .shard = {.index = index, .count = 2}}, worker);
    steps += worker.steps.size();
  }
  EXPECT_EQ(steps, whole.steps.size());  // no checkpoint is made in two parts
  FileWorker none;
  EXPECT_EQ(run_study(spec, merged, none).markdown, expected);
}

TEST(StudyBudgets, GoWithACheckpointOfOtherSettings) {
  testing::ScratchFolder scratch;
  StudySpec spec = parse_study(kStudy, "s.toml");
  FileWorker worker, again;
  run_study(spec, {.folder = scratch.path()}, worker);
  for (StudyModel& model : spec.models)
    if (model.weights == "A") model.calibration.samples = 7;
  EXPECT_THAT([&] { run_study(spec, {.folder = scratch.path()}, worker); },
              ThrowsMessage<Error>(HasSubstr("other settings")));
  run_study(spec, {.folder = scratch.path(), .if_different = IfExists::kReplace}, again);
  EXPECT_THAT(again.steps,
              ElementsAre("measure A-bf16", "quantize A-rtn-w4g64", "measure A-rtn-w4g64", "evaluate A-rtn-w4g64 42",
                          "evaluate A-at-most-64-rtn-w4g64 42", "evaluate A-wait-rtn-w4g64 42"));
}

}  // namespace
}  // namespace qreason
