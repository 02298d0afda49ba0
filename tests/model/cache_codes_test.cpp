// That a cache of codes changes memory alone: a decoder over pages of codes gives the bits of one over float32 pages
// that hold the rounded rows.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "model/decoder.h"
#include "model/plan_cases.h"
#include "support/closeness.h"
#include "support/forced_isa.h"

namespace qreason {
namespace {

using testing::bits_equal;
using testing::model_with;
using testing::plan_cases;
using testing::PlanCase;
using testing::random_tokens;
using testing::RandomModel;
using testing::small_config;

// The table of plans, and formats of keys and values that it has not.
std::vector<PlanCase> cache_cases() {
  std::vector<PlanCase> cases = plan_cases();
  cases.push_back({"kv8", {"key = k8-head-asym", "value = v8-head-asym"}});
  cases.push_back({"kv3", {"key = k3-head-asym", "value = v3-head-asym"}});
  cases.push_back({"kv2 groups", {"key = k2-g4-asym", "value = v2-g12-sym"}});
  cases.push_back({"tokens", {"key = k4-token-asym", "value = v4-token-sym"}});
  cases.push_back({"fp8", {"key = k:fp8e4m3-head", "value = v:fp8e4m3-token"}});
  cases.push_back({"fp4", {"key = k:fp4e2m1-g6", "value = v:fp4e2m1-head"}});
  cases.push_back({"half scales", {"key = k4-head-asym-sf16", "value = v4-head-sym-sbf16"}});
  cases.push_back({"clipped", {"key = k4-head-sym-clip0.9", "value = v4-head-asym-clip0.95 hadamard4"}});
  cases.push_back({"static keys", {"key = k4-channel-asym static", "value = v4-head-asym"}});
  cases.push_back({"one block of codes", {"blocks[1].key = k4-head-asym", "blocks[1:].value = v8-head-asym"}});
  return cases;
}

// A long prompt in two steps, then two sequences that forked within a page, with others beside them in the batch.
std::vector<float> run(const Decoder& decoder, Executor& executor) {
  const std::vector<std::int32_t> tokens = random_tokens(120, decoder.config().vocab_size, 5);
  const std::span<const std::int32_t> all(tokens);
  const PagePool pages(decoder.cache_layout());
  SequenceCache cache(pages), third(pages);
  DecoderStep step;
  std::vector<float> logits, seen;
  const auto forward = [&](const std::vector<DecoderInput>& inputs) {
    decoder.forward(inputs, step, logits, executor);
    seen.insert(seen.end(), logits.begin(), logits.end());
  };
  forward({{.tokens = all.first(81), .cache = &cache, .logits = DecoderInput::Logits::kAll}});
  forward({{.tokens = all.subspan(81, 3), .cache = &cache}, {.tokens = all.first(17), .cache = &third}});
  SequenceCache other = cache.fork(70);
  for (std::size_t i = 90; i < 110; ++i) {
    forward({{.tokens = all.subspan(i, 1), .cache = &cache},
             {.tokens = all.subspan(i + 5, 2), .cache = &other},
             {.tokens = all.subspan(i + 1, 1), .cache = &third}});
  }
  return seen;
}

class CacheCodes : public ::testing::TestWithParam<std::size_t> {};

TEST_P(CacheCodes, GiveTheBitsOfFloat32Pages) {
  const PlanCase one = cache_cases()[GetParam()];
  for (const std::uint64_t seed : {1, 2}) {
    const RandomModel model = model_with(one.architecture_of(seed), one.rules, one.degree, seed);
    const Decoder codes(model, {.type = ComputeType::kFloat32});
    const Decoder floats(model, {.type = ComputeType::kFloat32, .pages = CachePages::kFloat32});
    Executor two(2), single(1);
    const std::vector<float> want = run(floats, single);
    for (const Isa isa : supported_isas()) {
      const testing::ForcedIsa forced(isa);
      EXPECT_TRUE(bits_equal(run(codes, two), want)) << one.name << ", " << name_of(isa);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CacheCodes, ::testing::Range(std::size_t{0}, cache_cases().size()), [](const auto& item) {
  std::string name = cache_cases()[item.param].name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
});

std::size_t page_bytes(const std::vector<const char*>& rules, CachePages pages = CachePages::kCodes) {
  const ModelConfig config = small_config(Architecture::kQwen2);
  ModelPlan plan = uniform_plan(config.layers);
  for (const char* rule : rules) apply_rule(plan, rule, "test");
  return CacheLayout(config, plan, pages).page_bytes();
}

// 3 layers of 2 heads of 12. A float32 stream takes 2 x 12 x 16 x 4 = 1536 bytes. At 4 bits a row of a head is two
// units of 4 bytes; a stream takes 2 x 16 x (8 + 4 + 1) = 416 bytes, in whole cache lines 448.
TEST(CacheLayout, TakesTheBitsOfThePlan) {
  EXPECT_EQ(page_bytes({}), 3u * 2 * 1536);
  EXPECT_EQ(page_bytes({"key = k4-head-asym", "value = v4-head-asym"}), 3u * 2 * 448);
  EXPECT_EQ(page_bytes({"key = k4-head-asym", "value = v4-head-asym"}, CachePages::kFloat32), 3u * 2 * 1536);
  EXPECT_EQ(page_bytes({"value = v4-head-asym"}), 3u * (1536 + 448));
  EXPECT_EQ(page_bytes({"blocks[1].key = k4-head-asym"}), 3u * 2 * 1536 - 1536 + 448);
}

TEST(CacheLayout, HoldsKeysThatAreNotRoundedAsTheyAreAppendedInFloat32) {
  for (const char* rule : {"key = k4-head-asym before-rope", "key = k4-head-asym before-bias",
                           "key = k4-channel-asym static", "key = k4-channel-asym static before-rope"}) {
    EXPECT_EQ(page_bytes({rule}), 3u * 2 * 1536) << rule;
  }
}

TEST(CacheLayout, LetsMorePagesIntoTheSameMemory) {
  const ModelConfig config = small_config(Architecture::kQwen2);
  ModelPlan plan = uniform_plan(config.layers);
  const std::uint64_t limit = 10 * std::uint64_t{3 * 2 * 1536};
  EXPECT_EQ(PagePool(CacheLayout(config, plan), limit).pages_available(), 10);
  plan.set_format(Site::kKey, parse_quant_format("kv4-head-asym"));
  plan.set_format(Site::kValue, parse_quant_format("kv4-head-asym"));
  EXPECT_EQ(PagePool(CacheLayout(config, plan), limit).pages_available(), 34);  // 92160 / 2688
}

TEST(CacheLayout, OfCodesIsRefusedWhileQuantizersAreOff) {
  const RandomModel model = model_with(Architecture::kLlama, {"value = v4-head-asym"}, 1, 1);
  RopeTable rope(model.config());
  rope.reserve(1);
  Block block(model, 0, rope, ComputeType::kFloat32);
  block.set_quantizers(Quantizers::kOff);
  const CacheLayout layout(model.config(), model.plan());
  SequenceCache cache{PagePool(layout)};
  cache.reserve(1);
  const std::int32_t position = 0;
  const AttentionSegment segment{.rows = 1, .pages = cache.page_memory()};
  const BlockBatch batch{
      .rows = 1, .positions = &position, .attention = {.segments = &segment, .count = 1, .streams = layout.streams(0)}};
  std::vector<float> h(static_cast<std::size_t>(model.config().hidden_size), 1.0f);
  BlockScratch scratch;
  Executor executor(1);
  EXPECT_THROW(block.forward(h.data(), batch, scratch, executor), Error);
}

}  // namespace
}  // namespace qreason
