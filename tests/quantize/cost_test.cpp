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

// By hand, for hidden 64, intermediate 128, no shared heads, groups of 32, 100 tokens, 2 steps and 1 tried range:
// attention 2 * 100 * 4 * 64^2 + scores 2 * 100 * 50 * 64, MLP 2 * 100 * 3 * 64 * 128.
TEST(Cost, CountsWhatAwqSearches) {
  ModelConfig config = testing::small_config(Architecture::kLlama);
  config.hidden_size = 64;
  config.intermediate_size = 128;
  config.heads = config.kv_heads = 4;
  config.head_dim = 16;
  config.max_positions = 512;
  const Recipe recipe = make_recipe("awq-w4g32", {{"search_steps", std::int64_t{2}}});
  const ModelPlan plan = validate(recipe, config);
  const auto cost_of = [&](std::size_t pass) {
    return std::get<std::shared_ptr<const BlockPass>>(recipe.passes.at(pass))
        ->cost(
            {.config = config, .plan = plan.block(0), .calibration = {.sequences = 2, .tokens = 100, .longest = 50}});
  };
  const double attention = 2 * 100 * 4 * 64 * 64 + 2 * 100 * 50 * 64, mlp = 2 * 100 * 3 * 64 * 128;
  const BlockCost scales = cost_of(0);
  const double grams = 100 * 64 * 64 + 100 * 128 * 128, losses = 2 * 2 * (64 * 64 * 64 + 64 * 128 * 128);
  // At the end, of two ratios one and a share; of the attention once more for the MLP's inputs.
  EXPECT_DOUBLE_EQ(scales.flops, 3.85 * attention + 2.65 * mlp + grams + losses);
  EXPECT_EQ(scales.rounded, 3 * (3 * 64 * 64 + 2 * 64 * 128) + 2 * (64 * 64 + 64 * 128));
  EXPECT_GT(scales.memory, 4 * (2 * 100 * 64 + 128 * 128 + 2 * 64 * 128));
  const BlockCost clips = cost_of(1);
  EXPECT_EQ(clips.rounded, 10 * (2 * 64 * 64 + 3 * 64 * 128));
  EXPECT_EQ(cost_of(2).flops, 0);
}

// By hand, for hidden 64, intermediate 128, no shared heads, 100 tokens and 5 epochs: a forward before, and a forward
// with two products backward an epoch. Blocks that stay float cost nothing.
TEST(Cost, CountsWhatFlatQuantTrains) {
  ModelConfig config = testing::small_config(Architecture::kLlama);
  config.hidden_size = 64;
  config.intermediate_size = 128;
  config.heads = config.kv_heads = 4;
  config.head_dim = 16;
  config.max_positions = 2048;
  const auto cost_of = [&](std::int64_t layer, std::int64_t batch) {
    const Recipe recipe =
        make_recipe("flatquant-w4a4kv4",
                    {{"epochs", std::int64_t{5}}, {"skip_blocks", std::string("last")}, {"batch_size", batch}});
    const ModelPlan plan = validate(recipe, config);
    return std::get<std::shared_ptr<const BlockPass>>(recipe.passes.at(0))
        ->cost({.config = config,
                .plan = plan.block(layer),
                .calibration = {.sequences = 2, .tokens = 100, .longest = 50}});
  };
  const double attention = 2 * 100 * 4 * 64 * 64 + 2 * 100 * 50 * 64, mlp = 2 * 100 * 3 * 64 * 128;
  EXPECT_EQ(cost_of(0, 4).flops, 16 * (attention + mlp));
  EXPECT_GT(cost_of(0, 4).memory, cost_of(0, 1).memory);
  EXPECT_EQ(cost_of(0, 4).memory, cost_of(0, 2).memory);  // there are two sequences
  EXPECT_EQ(cost_of(2, 4).flops, 0);
}

}  // namespace
}  // namespace qreason
