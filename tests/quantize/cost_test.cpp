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
  // By hand, down to the last byte but the program's: inputs, attention outputs and states between in the same memory.
  EXPECT_GT(in_memory.peak_memory_bytes, estimate_cost(question, executor).peak_memory_bytes);
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
  const auto cost_of = [&](std::size_t pass, std::int64_t tokens) {
    return std::get<std::shared_ptr<const BlockPass>>(recipe.passes.at(pass))
        ->cost({.config = config,
                .plan = plan.block(0),
                .calibration = {.sequences = 2, .tokens = tokens, .longest = tokens / 2}});
  };
  const auto attention = [](double tokens) { return 2 * tokens * 4 * 64 * 64 + tokens * tokens * 64; };
  const auto mlp = [](double tokens) { return 2 * tokens * 3 * 64 * 128; };
  // At the end, of two ratios one and a share; of the attention once more for the MLP's inputs. Of single linears too,
  // by few inputs.
  const BlockCost few = cost_of(0, 100);
  EXPECT_DOUBLE_EQ(few.flops, 3.85 * attention(100) + 2.65 * mlp(100) + 1.65 * 2 * 100 * (64 * 64 + 64 * 128));
  EXPECT_EQ(few.rounded, 3 * (4 * 64 * 64 + 3 * 64 * 128));
  // Rows that find no room: a sequence of them, and the weights of gate and up as they are tried.
  EXPECT_DOUBLE_EQ(few.memory, 4 * (2 * 50 * 64 + 2.75 * 2 * 64 * 128));
  // By Gram matrices of many.
  const BlockCost many = cost_of(0, 1000);
  const double grams = 1000 * 64 * 64 + 1000 * 128 * 128, losses = 2 * 2 * (64 * 64 * 64 + 64 * 128 * 128);
  EXPECT_DOUBLE_EQ(many.flops, 3.85 * attention(1000) + 2.65 * mlp(1000) + grams + losses);
  EXPECT_EQ(many.rounded, 3 * (3 * 64 * 64 + 2 * 64 * 128) + 2 * (64 * 64 + 64 * 128));
  EXPECT_DOUBLE_EQ(many.memory, 4 * (2 * 500 * 64 + 2.75 * 2 * 64 * 128));
  const BlockCost clips = cost_of(1, 100);
  EXPECT_EQ(clips.rounded, 10 * (2 * 64 * 64 + 3 * 64 * 128));
  EXPECT_EQ(cost_of(2, 100).flops, 0);
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
  EXPECT_EQ(cost_of(0, 4).flops, 17 * (attention + mlp));  // five epochs of three, one before and one behind
  EXPECT_GT(cost_of(0, 4).memory, cost_of(0, 1).memory);
  EXPECT_EQ(cost_of(0, 4).memory, cost_of(0, 2).memory);  // there are two sequences
  EXPECT_EQ(cost_of(2, 4).flops, 0);
}

ModelConfig seventy_billion() {
  ModelConfig config = testing::small_config(Architecture::kLlama);
  config.stored_type = StoredType::kBFloat16;
  config.hidden_size = 8192;
  config.intermediate_size = 28672;
  config.heads = 64;
  config.kv_heads = 8;
  config.head_dim = 128;
  config.layers = 80;
  config.vocab_size = 128256;
  config.max_positions = 131072;
  return config;
}

// GPTQ of a 70B's shape with 128 x 2048 tokens, by hand: at the last linear the Hessian of 28672 columns takes 3.29 GB
// and rounding 13 bytes a weight, 3.05 GB; what is rounded 0.62 GB of codes and 0.34 GB packed, the last linear twice
// 0.47 GB; rows of a sequence some 0.9 GB. A factorization in float64 takes as much as the Hessian once more.
TEST(Cost, KeepsALargeModelsBlockBelowTwelveGigabytes) {
  const ModelConfig config = seventy_billion();
  for (const char* method : {"gptq-w4g128", "smoothquant-w8a8kv8", "quarot-w4a4kv4"}) {
    SCOPED_TRACE(method);
    const Recipe recipe = make_recipe(method, {});
    CostQuestion question{.recipe = recipe,
                          .config = config,
                          .calibration = {.sequences = 128, .tokens = 128 * 2048, .longest = 2048},
                          .activation_memory = 2'000'000'000};
    const QuantizeCost cost = estimate_sizes(question);
    EXPECT_LT(cost.peak_memory_bytes, 12'000'000'000u);
    EXPECT_LT(cost.repeated_memory_bytes, 12'000'000'000u);
    EXPECT_GT(cost.peak_memory_bytes, 6'300'000'000u);
    EXPECT_EQ(cost.spilled_bytes, std::uint64_t{4} * 128 * 2048 * 3 * 8192);
    // In half of it nothing helps; in nine tenths of what a long sequence takes a shorter one does.
    EXPECT_TRUE(settings_that_fit(question, cost.peak_memory_bytes / 2).empty());
    question.calibration = {.sequences = 2, .tokens = 2 * 65536, .longest = 65536};
    const std::uint64_t long_peak = estimate_sizes(question).peak_memory_bytes;
    const auto fitting = settings_that_fit(question, cost.peak_memory_bytes);
    ASSERT_GT(long_peak, cost.peak_memory_bytes);
    ASSERT_FALSE(fitting.empty());
    ASSERT_TRUE(fitting.back().length);
    question.calibration = {.sequences = 2, .tokens = 2 * *fitting.back().length, .longest = *fitting.back().length};
    EXPECT_LE(estimate_sizes(question).peak_memory_bytes, cost.peak_memory_bytes);
  }
}

// AWQ's rows beside those of the walk, inputs and outputs of the MLP, are on disk; FlatQuant keeps a sequence at a
// time.
TEST(Cost, KeepsSearchesOfALargeModelBelowTwelveGigabytes) {
  const ModelConfig config = seventy_billion();
  for (const auto& [method, length, stores] :
       {std::tuple("awq-w4g128", 512, 5), std::tuple("flatquant-w4a4kv4", 2048, 0)}) {
    SCOPED_TRACE(method);
    const Recipe recipe = make_recipe(method, {});
    const std::int64_t tokens = 128 * length;
    const QuantizeCost cost = estimate_sizes({.recipe = recipe,
                                              .config = config,
                                              .calibration = {.sequences = 128, .tokens = tokens, .longest = length},
                                              .activation_memory = 2'000'000'000});
    EXPECT_LT(cost.peak_memory_bytes, 12'000'000'000u);
    EXPECT_GT(cost.peak_memory_bytes, 6'300'000'000u);
    if (stores > 0) {
      EXPECT_EQ(cost.spilled_bytes, static_cast<std::uint64_t>(4 * tokens * stores * 8192));
    }
  }
}

}  // namespace
}  // namespace qreason
