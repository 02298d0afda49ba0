#include "quantize/cost.h"

#include <gtest/gtest.h>

#include "quantize/methods/method_table.h"
#include "support/random_model.h"

namespace qreason {
namespace {

TEST(Cost, CountsActivationsThatDoNotFit) {
  Executor executor(2);
  const Recipe recipe = make_recipe("gptq-w3g16", {});
  ModelConfig config = testing::small_config(Architecture::kQwen2);
  config.max_positions = 2048;
  CostQuestion question{.recipe = recipe,
                        .config = config,
                        .calibration = {.sequences = 4, .tokens = 60, .longest = 18},
                        .activation_memory = 1 << 30};
  const QuantizeCost in_memory = estimate_cost(question, executor);
  EXPECT_EQ(in_memory.blocks, 3);
  EXPECT_GT(in_memory.seconds, 0);
  EXPECT_EQ(in_memory.spilled_bytes, 0u);
  // Block inputs, attention outputs and the states between of 60 tokens, 48 floats each, on disk when nothing may stay.
  question.activation_memory = 0;
  EXPECT_EQ(estimate_cost(question, executor).spilled_bytes, 3u * 60 * 48 * 4);
  // Copied files are part of the checkpoint.
  question.copied_bytes = 1000;
  EXPECT_EQ(estimate_cost(question, executor).checkpoint_bytes, in_memory.checkpoint_bytes + 1000);
}

}  // namespace
}  // namespace qreason
