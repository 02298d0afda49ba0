// A block that hands codes to its linears against the same block with rounded floats between its stages, bit for bit.
#include "kernels/site_rows.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "model/block.h"
#include "model/kv_cache.h"
#include "support/closeness.h"
#include "support/random_model.h"

namespace qreason {
namespace {

constexpr std::int64_t kTokens = 9;

enum class Between { kCodes, kFloats };

// The hidden states behind block 1.
std::vector<float> run_block(const WeightSource& source, Between between) {
  const ModelConfig& config = source.config();
  RopeTable rope(config);
  rope.reserve(kTokens);
  const Block block(source, 1, rope, ComputeType::kFloat32);
  const CacheLayout layout(config, source.plan());
  SequenceCache cache{PagePool(layout)};
  cache.reserve(kTokens);
  std::vector<std::int32_t> positions(kTokens);
  std::iota(positions.begin(), positions.end(), 0);
  const AttentionSegment segment{.first_row = 0, .rows = kTokens, .first_position = 0, .pages = cache.page_memory()};
  const BlockBatch batch{.rows = kTokens,
                         .positions = positions.data(),
                         .attention = {.segments = &segment, .count = 1, .streams = layout.streams(1)}};
  std::vector<float> h(static_cast<std::size_t>(kTokens * config.hidden_size));
  std::mt19937_64 random(9);
  for (float& value : h) value = std::normal_distribution<float>()(random);

  Executor executor(2);
  BlockScratch scratch;
  if (between == Between::kCodes) {
    block.forward(h.data(), batch, scratch, executor);
    EXPECT_EQ(scratch.codes.rows(), kTokens);
    return h;
  }
  scratch.reserve(block.shape(), kTokens, executor.backend());
  block.attention_input(h.data(), kTokens, scratch.x.data(), executor);
  block.attend(scratch.x.data(), batch, scratch, scratch.a.data(), executor);
  block.add_attention(h.data(), scratch.a.data(), kTokens, executor);
  block.mlp_input(h.data(), kTokens, scratch.x.data(), executor);
  block.mlp_middle(scratch.x.data(), kTokens, scratch, scratch.gate.data(), executor);
  block.add_mlp(h.data(), scratch.gate.data(), kTokens, executor);
  EXPECT_EQ(scratch.codes.rows(), 0);
  return h;
}

TEST(SiteRows, OfCodesGiveTheBitsOfRoundedFloats) {
  const ModelConfig config = testing::small_config(Architecture::kQwen2);
  testing::RandomModel model(config);
  for (const char* format : {"a8-token-asym", "a4-token-sym-clip0.9", "a4-g16-asym", "a:fp8e4m3", "a:nvfp4"}) {
    for (const int degree : {1, 2}) {
      BlockPlan block;
      for (const Site site : kActivationSites) {
        const QuantFormat parsed = parse_quant_format(format);
        block.at(site).format = is_row_parallel(site) ? sharded(parsed, site_width(config, site), degree) : parsed;
      }
      model.set_plan(uniform_plan(config.layers, block, degree));
      EXPECT_TRUE(testing::bits_equal(run_block(model, Between::kCodes), run_block(model, Between::kFloats)))
          << format << ", degree " << degree;
    }
  }
}

}  // namespace
}  // namespace qreason
