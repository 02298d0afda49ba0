// A recipe taken all the way on a small random model.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "quantize/cost.h"
#include "quantize/memory_sink.h"
#include "quantize/recipe.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason::testing {

inline bool waits_for_measurements(const Recipe& recipe) {
  return std::any_of(recipe.passes.begin(), recipe.passes.end(), [](const PassPointer& pass) {
    const auto* block = std::get_if<std::shared_ptr<const BlockPass>>(&pass);
    return block && !(*block)->reads().empty();
  });
}

struct TrialRun {
  std::int64_t sequences = 1;  // of 24 tokens
  int threads = 1;
  enum class Cost { kMeasured, kSizes } cost = Cost::kMeasured;  // the machine is measured for half a second, or not
};

// The recipe is checked, printed, read back, costed and run; the plan of what was made.
inline ModelPlan expect_runs(const Recipe& recipe, const RandomModel& model, const TrialRun& trial = {}) {
  SCOPED_TRACE(recipe.name);
  const std::string text = to_toml(recipe);
  const Recipe read = parse_recipe(text, "test");
  EXPECT_EQ(to_toml(read), text);
  Executor executor(trial.threads);
  CalibrationSet calibration{.description = "random"};
  for (std::int64_t i = 0; i < trial.sequences; ++i) {
    calibration.samples.push_back(random_tokens(24, model.config().vocab_size, static_cast<std::uint64_t>(i + 1)));
  }
  const CostQuestion question{
      .recipe = recipe,
      .config = model.config(),
      .calibration = {.sequences = trial.sequences, .tokens = calibration.tokens(), .longest = 24}};
  const QuantizeCost cost =
      trial.cost == TrialRun::Cost::kSizes ? estimate_sizes(question) : estimate_cost(question, executor);
  EXPECT_EQ(cost.blocks, model.config().layers);
  EXPECT_GT(cost.checkpoint_bytes, 0U);
  const ScratchFolder folder;
  MemorySink sink;
  const OrderedJson report = run_recipe({.source = model,
                                         .recipe = read,
                                         .calibration = needs_calibration(read) ? &calibration : nullptr,
                                         .sink = sink,
                                         .folder = folder.path(),
                                         .model_identity = "random"},
                                        executor);
  // What measurements decide stands in the report alone.
  const Recipe chosen = waits_for_measurements(recipe) ? parse_recipe(report.at("text").get<std::string>(), "report")
                                                       : decided(recipe, model);
  EXPECT_EQ(sink.plan(), validate(chosen, model.config()));
  EXPECT_EQ(report.at("text"), to_toml(chosen));
  EXPECT_EQ(sink.config().tied_embeddings, outline_after(recipe, model.config()).config.tied_embeddings);
  return sink.plan();
}

}  // namespace qreason::testing
