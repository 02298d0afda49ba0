// The outlier transform: the same logits to the bit, and outliers where the studied models have them.
#include "model/outliers.h"

#include <ATen/core/Tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "model/block.h"
#include "model/decoder.h"
#include "support/closeness.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using testing::random_tokens;
using testing::RandomModel;
using testing::small_config;

constexpr std::int64_t kTokens = 60;

std::vector<float> logits_of(const WeightSource& source, ComputeType type) {
  Decoder decoder(source, {.type = type});
  SequenceCache cache(PagePool(decoder.cache_layout()));
  const auto tokens = random_tokens(kTokens, source.config().vocab_size, 4);
  const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kAll};
  std::vector<float> logits;
  Executor executor(1);
  DecoderStep step;
  decoder.forward({&input, 1}, step, logits, executor);
  return logits;
}

ModelConfig biased_llama() {
  ModelConfig config = small_config(Architecture::kLlama);
  config.qkv_bias = config.output_bias = config.mlp_bias = true;
  return config;
}

TEST(Outliers, LeaveTheLogitsAsTheyAreToTheBit) {
  for (const ModelConfig& config : testing::small_configs()) {
    for (const at::ScalarType stored : {at::kFloat, at::kBFloat16}) {
      const RandomModel model(config, 7, stored);
      const OutlierModel outliers(model, {.seed = 3, .channels = 2, .factor = 256, .key_bias = 400});
      for (const ComputeType type : {ComputeType::kFloat32, ComputeType::kBFloat16})
        EXPECT_TRUE(testing::bits_equal(logits_of(outliers, type), logits_of(model, type)));
    }
  }
}

// What every place of a block holds, [rows, width] each; keys after RoPE.
struct Seen {
  std::vector<float> attention_input, attention_output, mlp_input, mlp_middle, key, value;
};

Seen run_block(const WeightSource& source, std::int64_t layer) {
  const ModelConfig& config = source.config();
  RopeTable rope(config);
  rope.reserve(kTokens);
  const Block block(source, layer, rope, ComputeType::kFloat32);
  const CacheLayout layout(config, source.plan());
  SequenceCache cache{PagePool(layout)};
  cache.reserve(kTokens);
  std::vector<std::int32_t> positions(kTokens);
  std::iota(positions.begin(), positions.end(), 0);
  const AttentionSegment segment{.first_row = 0, .rows = kTokens, .first_position = 0, .pages = cache.page_memory()};
  const BlockBatch batch{.rows = kTokens,
                         .positions = positions.data(),
                         .attention = {.segments = &segment, .count = 1, .streams = layout.streams(layer)}};
  const auto size = [](std::int64_t width) { return static_cast<std::size_t>(kTokens * width); };
  std::vector<float> h(size(config.hidden_size));
  std::mt19937_64 random(9);
  for (float& value : h) value = std::normal_distribution<float>()(random);

  Executor executor(1);
  BlockScratch scratch;
  Seen seen;
  seen.attention_input.resize(h.size());
  seen.mlp_input.resize(h.size());
  seen.attention_output.resize(size(block.shape().query));
  seen.mlp_middle.resize(size(block.shape().intermediate));
  block.attention_input(h.data(), kTokens, seen.attention_input.data(), executor);
  block.attend(seen.attention_input.data(), batch, scratch, seen.attention_output.data(), executor);
  seen.key.assign(scratch.k.data(), scratch.k.data() + kTokens * block.shape().key_value);
  seen.value.assign(scratch.v.data(), scratch.v.data() + kTokens * block.shape().key_value);
  block.add_attention(h.data(), seen.attention_output.data(), kTokens, executor);
  block.mlp_input(h.data(), kTokens, seen.mlp_input.data(), executor);
  block.mlp_middle(seen.mlp_input.data(), kTokens, scratch, seen.mlp_middle.data(), executor);
  return seen;
}

// Mean absolute value of every channel over that of the median channel, of the channels [first, first + count).
std::vector<double> sizes_over_median(const std::vector<float>& rows, std::int64_t first, std::int64_t count) {
  const auto width = static_cast<std::int64_t>(rows.size()) / kTokens;
  std::vector<double> sizes(static_cast<std::size_t>(count), 0);
  for (std::int64_t row = 0; row < kTokens; ++row)
    for (std::int64_t i = 0; i < count; ++i)
      sizes[static_cast<std::size_t>(i)] += std::abs(rows[static_cast<std::size_t>(row * width + first + i)]);
  std::vector<double> sorted = sizes;
  std::sort(sorted.begin(), sorted.end());
  for (double& size : sizes) size /= sorted[sorted.size() / 2];
  std::sort(sizes.rbegin(), sizes.rend());
  return sizes;
}

// `count` channels stand out by 20 to 1000, as in the studied models, and no other by more than 10.
void expect_outliers(const std::vector<double>& sizes, std::size_t count, const std::string& site) {
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_GT(sizes[i], 20) << site;
    EXPECT_LT(sizes[i], 1000) << site;
  }
  EXPECT_LT(sizes[count], 10) << site;
}

TEST(Outliers, StandWhereTheStudiedModelsHaveThem) {
  for (const ModelConfig& config : testing::small_configs()) {
    const RandomModel model(config, 5);
    const OutlierModel outliers(model, {.channels = 2});
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
      const Seen before = run_block(model, layer), after = run_block(outliers, layer);
      EXPECT_LT(sizes_over_median(before.attention_input, 0, config.hidden_size)[0], 10);
      // The first block's attention reads bare embeddings and is left as it is.
      expect_outliers(sizes_over_median(after.attention_input, 0, config.hidden_size), layer == 0 ? 0 : 2, "attn_in");
      expect_outliers(sizes_over_median(after.mlp_input, 0, config.hidden_size), 2, "mlp_in");
      expect_outliers(sizes_over_median(after.mlp_middle, 0, config.intermediate_size), 2, "mlp_mid");
      for (std::int64_t head = 0; head < config.heads; ++head)
        expect_outliers(sizes_over_median(after.attention_output, head * config.head_dim, config.head_dim), 1,
                        "attn_out");
      for (std::int64_t head = 0; head < config.kv_heads; ++head) {
        expect_outliers(sizes_over_median(after.value, head * config.head_dim, config.head_dim), 1, "value");
        expect_outliers(sizes_over_median(after.key, head * config.head_dim, config.head_dim), 2, "key");
      }
    }
  }
}

TEST(Outliers, GiveEveryHeadAKeyBiasOfTheWantedSizeWhereThereAreBiases) {
  const ModelConfig config = small_config(Architecture::kQwen2);
  const RandomModel model(config, 5);
  const OutlierModel outliers(model, {.channels = 1, .factor = 64, .key_bias = 300});
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const at::Tensor bias = *outliers.linear(linear_name(layer, LinearSlot::kK)).bias;
    for (std::int64_t head = 0; head < config.kv_heads; ++head) {
      const double largest =
          bias.slice(0, head * config.head_dim, (head + 1) * config.head_dim).abs().max().item<double>();
      // To the nearest power of two.
      EXPECT_GT(largest, 300 / std::sqrt(2.0) * 0.999);
      EXPECT_LT(largest, 300 * std::sqrt(2.0) * 1.001);
    }
  }
}

TEST(Outliers, ScaleByPowersOfTwoAndBothHalvesOfARotaryPairAlike) {
  const ModelConfig config = small_config(Architecture::kQwen2);
  const RandomModel model(config, 2);
  const OutlierModel outliers(model, {.channels = 2});
  const auto half = static_cast<std::size_t>(config.head_dim / 2);
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const BlockOutliers& block = outliers.block(layer);
    for (const auto* scales : {&block.attention_input, &block.mlp_input, &block.mlp_middle, &block.value, &block.key})
      for (const float scale : *scales) {
        int exponent = 0;
        EXPECT_EQ(std::frexp(scale, &exponent), 0.5f);
      }
    for (std::size_t i = 0; i < block.key.size(); ++i)
      if (i % (2 * half) < half) {
        EXPECT_EQ(block.key[i], block.key[i + half]);
      }
  }
}

TEST(Outliers, AreDrawnByTheSeed) {
  const RandomModel model(small_config(Architecture::kLlama), 2);
  const auto scales = [&](std::uint64_t seed) {
    std::vector<float> all;
    const OutlierModel outliers(model, {.seed = seed, .channels = 1});
    for (std::int64_t layer = 0; layer < 3; ++layer)
      for (const auto* of : {&outliers.block(layer).attention_input, &outliers.block(layer).mlp_middle})
        all.insert(all.end(), of->begin(), of->end());
    return all;
  };
  EXPECT_EQ(scales(1), scales(1));
  EXPECT_NE(scales(1), scales(2));
}

// Every linear of a Llama with all biases: the function stays, so no bias was forgotten or scaled twice.
TEST(Outliers, CarryTheBiasesOfEveryLinear) {
  const RandomModel model(biased_llama(), 6);
  const OutlierModel outliers(model, {.channels = 2});
  EXPECT_TRUE(testing::bits_equal(logits_of(outliers, ComputeType::kFloat32), logits_of(model, ComputeType::kFloat32)));
}

template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Outliers, RefuseWhatTheyCannotDo) {
  RandomModel model(small_config(Architecture::kLlama), 2);
  const auto with = [&](OutlierOptions options) { return error_of([&] { OutlierModel(model, options); }); };
  EXPECT_THAT(with({.channels = 0}), HasSubstr("--channels"));
  EXPECT_THAT(with({.channels = 4}), HasSubstr("1 to 3"));  // 48 / 16
  EXPECT_THAT(with({.factor = 0.5}), HasSubstr("--factor"));
  EXPECT_THAT(with({.factor = std::nan("")}), HasSubstr("--factor"));
  EXPECT_THAT(with({.key_bias = -1}), HasSubstr("--key-bias"));
  const ModelPlan plain = model.plan();
  ModelPlan plan = plain;
  plan.set_weight(LinearSlot::kQ, parse_quant_format("w4c-asym"));
  model.set_plan(plan);
  EXPECT_THAT(with({}), HasSubstr("float weights"));
  plan = plain;
  apply_rule(plan, "blocks[0].value = hadamard4", "test");
  model.set_plan(plan);
  EXPECT_THAT(with({}), HasSubstr("online transforms"));
}

TEST(Outliers, RefuseScalesThatAFloat16WeightCannotTake) {
  const RandomModel model(small_config(Architecture::kLlama), 2, at::kHalf);
  const OutlierModel outliers(model, {.channels = 2, .factor = 4096});
  EXPECT_THAT(error_of([&] {
                for (const LinearSlot slot : kLinearSlots) outliers.linear(linear_name(0, slot));
              }),
              HasSubstr("out of their type's range"));
}

}  // namespace
}  // namespace qreason
