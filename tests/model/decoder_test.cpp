// The decoder against the plain composition of tests/model/naive_decoder.h, and with itself: cache, batch, threads.
#include "model/decoder.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/isa.h"
#include "model/naive_decoder.h"
#include "support/closeness.h"
#include "support/forced_isa.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::bits_equal;
using testing::NaiveDecoder;
using testing::random_tokens;
using testing::RandomModel;
using testing::small_config;

using Logits = DecoderInput::Logits;

std::vector<float> all_logits(const Decoder& decoder, const std::vector<std::int32_t>& tokens, Executor& executor) {
  SequenceCache cache(PagePool(decoder.cache_layout()));
  const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = Logits::kAll};
  DecoderStep step;
  std::vector<float> logits;
  decoder.forward({&input, 1}, step, logits, executor);
  return logits;
}

::testing::AssertionResult equals_formula(const RandomModel& model, double tolerance, std::int64_t count = 40) {
  Executor executor(2);
  Decoder decoder(model, {.type = ComputeType::kFloat32});
  const auto tokens = random_tokens(count, model.config().vocab_size, 5);
  std::vector<double> want;
  for (const auto& row : NaiveDecoder(model).logits(tokens)) want.insert(want.end(), row.begin(), row.end());
  const std::vector<float> got = all_logits(decoder, tokens, executor);
  return testing::all_close(std::vector<double>(got.begin(), got.end()), want, {.absolute = tolerance});
}

TEST(Decoder, EqualsTheFormulaForEveryArchitecture) {
  // float32 against double: rounding errors of up to 2.7e-5 on logits of size 5 to 20, and no more than 5e-5.
  for (const ModelConfig& config : testing::small_configs()) {
    EXPECT_TRUE(equals_formula(RandomModel(config), 5e-5)) << hf_class_name(config.architecture);
  }
}

TEST(Decoder, ExecutesThePlansQuantizersWhereTheFormulaHasThem) {
  // Among thousands of codes one may lie so near the border of the next that float32 and the formula's doubles part
  // there; over 40 tokens half of these models have one. A quantizer that is missing, elsewhere or another shows in
  // every model.
  const ModelConfig config = small_config(Architecture::kLlama);
  ModelPlan plan = uniform_plan(config.layers, {}, 2);
  for (const Site site : kActivationSites) {
    const QuantFormat whole = parse_quant_format("a8-token-asym");
    plan.set_format(site, is_row_parallel(site) ? sharded(whole, site_width(config, site), 2) : whole);
  }
  plan.set_format(Site::kKey, parse_quant_format("k4-head-asym"));
  plan.set_format(Site::kValue, parse_quant_format("v4-head-asym-clip0.95"));
  int equal = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    RandomModel model(config, seed);
    model.set_plan(plan);
    equal += equals_formula(model, 1e-3, 8) ? 1 : 0;
  }
  EXPECT_GE(equal, 6);
}

TEST(Decoder, QuantizersOffGiveTheFloatModel) {
  RandomModel model(small_config(Architecture::kLlama));
  RopeTable rope(model.config());
  rope.reserve(8);
  const Block plain(model, 0, rope, ComputeType::kFloat32);
  ModelPlan plan = model.plan();
  plan.set_format(Site::kMlpInput, parse_quant_format("a4-token-asym"));
  plan.set_format(Site::kKey, parse_quant_format("k4-head-asym"));
  model.set_plan(plan);
  Block quantized(model, 0, rope, ComputeType::kFloat32);

  Executor executor(1);
  const auto run = [&](const Block& block) {
    const CacheLayout layout(model.config(), model.plan(), CachePages::kFloat32);
    SequenceCache cache{PagePool(layout)};
    cache.reserve(5);
    const AttentionSegment segment{.first_row = 0, .rows = 5, .first_position = 0, .pages = cache.page_memory()};
    const AttentionBatch attention{.segments = &segment, .count = 1, .streams = layout.streams(0)};
    const std::vector<std::int32_t> positions{0, 1, 2, 3, 4};
    std::vector<float> h(static_cast<std::size_t>(5 * model.config().hidden_size));
    for (std::size_t i = 0; i < h.size(); ++i) h[i] = std::sin(static_cast<float>(i));
    BlockScratch scratch;
    block.forward(h.data(), {.rows = 5, .positions = positions.data(), .attention = attention}, scratch, executor);
    return h;
  };
  const std::vector<float> want = run(plain);
  EXPECT_FALSE(bits_equal(run(quantized), want));
  quantized.set_quantizers(Quantizers::kOff);
  EXPECT_TRUE(bits_equal(run(quantized), want));
}

// Every way to cut a sequence into steps must give the bits of one long step.
TEST(Decoder, PrefillInChunksAndDecodingEqualOnePrefillBitForBit) {
  for (const ComputeType type : {ComputeType::kFloat32, ComputeType::kBFloat16}) {
    const RandomModel model(small_config(Architecture::kQwen2));
    Decoder decoder(model, {.type = type});
    Executor two(2), one(1);
    const auto tokens = random_tokens(53, model.config().vocab_size, 9);
    const std::vector<float> want = all_logits(decoder, tokens, two);
    for (const std::size_t chunk : {1u, 7u, 16u, 40u}) {
      SequenceCache cache(PagePool(decoder.cache_layout()));
      DecoderStep step;
      std::vector<float> got, piece;
      for (std::size_t start = 0; start < tokens.size(); start += chunk) {
        const std::size_t count = std::min(chunk, tokens.size() - start);
        const DecoderInput input{
            .tokens = std::span(tokens).subspan(start, count), .cache = &cache, .logits = Logits::kAll};
        decoder.forward({&input, 1}, step, piece, one);
        got.insert(got.end(), piece.begin(), piece.end());
      }
      EXPECT_TRUE(bits_equal(got, want)) << "chunks of " << chunk;
    }
  }
}

TEST(Decoder, ARowsLogitsDoNotDependOnTheBatchOrTheThreads) {
  for (const ComputeType type : {ComputeType::kFloat32, ComputeType::kBFloat16}) {
    const RandomModel model(small_config(Architecture::kLlama));
    Decoder decoder(model, {.type = type});
    Executor one(1);
    const auto tokens = random_tokens(21, model.config().vocab_size, 3);
    const std::vector<float> alone = all_logits(decoder, tokens, one);
    const std::vector<float> want(alone.end() - model.config().vocab_size, alone.end());
    for (const int threads : {1, 2}) {
      Executor executor(threads);
      for (const std::size_t batch : {2u, 7u, 32u}) {
        std::vector<std::vector<std::int32_t>> others;
        for (std::size_t i = 0; i < batch; ++i) {
          others.push_back(i == batch / 2 ? tokens : random_tokens(1 + static_cast<std::int64_t>(3 * i % 50), 101, i));
        }
        std::vector<SequenceCache> caches;
        const PagePool pages(decoder.cache_layout());
        for (std::size_t i = 0; i < batch; ++i) caches.emplace_back(pages);
        std::vector<DecoderInput> inputs;
        for (std::size_t i = 0; i < batch; ++i) {
          inputs.push_back(
              {.tokens = others[i], .cache = &caches[i], .logits = i == batch / 2 ? Logits::kLast : Logits::kNone});
        }
        std::vector<float> got;
        DecoderStep step;
        decoder.forward(inputs, step, got, executor);
        EXPECT_TRUE(bits_equal(got, want)) << threads << " threads, batch of " << batch;
      }
    }
  }
}

TEST(Decoder, GivesTheSameBitsOnEveryInstructionSet) {
  RandomModel model(small_config(Architecture::kLlama));
  Executor executor(2);
  const auto tokens = random_tokens(40, 101, 6);
  std::vector<float> first;
  for (const Isa isa : supported_isas()) {
    const testing::ForcedIsa forced(isa);
    const std::vector<float> logits = all_logits(Decoder(model, {}), tokens, executor);
    if (first.empty()) first = logits;
    EXPECT_TRUE(bits_equal(logits, first)) << name_of(isa);
  }
}

TEST(Decoder, ForkedSequencesGiveTheBitsOfIndependentOnes) {
  const RandomModel model(small_config(Architecture::kQwen2));
  const Decoder decoder(model, {});
  Executor executor(2);
  DecoderStep step;
  std::vector<float> logits;
  const auto compute = [&](SequenceCache& cache, std::span<const std::int32_t> tokens) {
    const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = Logits::kAll};
    decoder.forward({&input, 1}, step, logits, executor);
  };
  std::vector<std::int32_t> trunk = random_tokens(40, 101, 1);
  SequenceCache parent(PagePool(decoder.cache_layout()));
  compute(parent, trunk);
  for (const std::int64_t length : {0, 1, 15, 16, 17, 32, 39, 40}) {
    SequenceCache child = parent.fork(length);
    const std::vector<std::int32_t> branch = random_tokens(20, 101, 100 + static_cast<std::uint64_t>(length));
    compute(child, branch);
    const std::vector<float> got = logits;
    std::vector<std::int32_t> whole(trunk.begin(), trunk.begin() + length);
    whole.insert(whole.end(), branch.begin(), branch.end());
    const std::vector<float> want = all_logits(decoder, whole, executor);
    EXPECT_TRUE(bits_equal(got, std::vector<float>(want.begin() + length * 101, want.end()))) << "from " << length;
  }
  // The children have written nothing that the parent sees.
  const std::vector<std::int32_t> rest = random_tokens(20, 101, 2);
  compute(parent, rest);
  trunk.insert(trunk.end(), rest.begin(), rest.end());
  const std::vector<float> want = all_logits(decoder, trunk, executor);
  EXPECT_TRUE(bits_equal(logits, std::vector<float>(want.begin() + 40 * 101, want.end())));
}

TEST(Decoder, ComputeTypesRoundWeightsAsTheySay) {
  // A model stored in bfloat16 is the same in bfloat16 and, widened, in float32: only the kernels' weights differ in
  // width, their values and the order of sums do not.
  const RandomModel stored(small_config(Architecture::kLlama), 1, at::kBFloat16);
  Executor executor(1);
  const auto tokens = random_tokens(12, 101, 4);
  Decoder automatic(stored, {}), widened(stored, {.type = ComputeType::kFloat32});
  EXPECT_LT(automatic.weight_bytes(), widened.weight_bytes());
  EXPECT_TRUE(bits_equal(all_logits(automatic, tokens, executor), all_logits(widened, tokens, executor)));
  const RandomModel half(small_config(Architecture::kLlama), 1, at::kHalf);
  Decoder from_half(half, {}), half_as_float(half, {.type = ComputeType::kFloat32});
  EXPECT_EQ(from_half.weight_bytes(), half_as_float.weight_bytes());
}

TEST(Decoder, QuantizedWeightsEqualTheirDequantizedValues) {
  const RandomModel model(small_config(Architecture::kLlama));
  RopeTable rope(model.config());
  const QuantFormat format = parse_quant_format("w4g16-asym");
  Block packed(model, 1, rope, ComputeType::kFloat32), dense(model, 1, rope, ComputeType::kFloat32);
  const LinearWeight weight = model.linear(linear_name(1, LinearSlot::kDown));
  const at::Tensor& values = std::get<at::Tensor>(weight.matrix);
  const LinearWeight rounded{
      .matrix = round_to_nearest({values.const_data_ptr<float>(), static_cast<std::size_t>(values.numel())},
                                 weight.rows(), weight.columns(), format),
      .bias = {}};
  packed.replace(LinearSlot::kDown, rounded);
  dense.replace(LinearSlot::kDown, {.matrix = rounded.dense_float32(), .bias = {}});
  Executor executor(1);
  std::vector<float> u(static_cast<std::size_t>(2 * model.config().intermediate_size));
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = std::cos(static_cast<float>(i));
  std::vector<float> a(static_cast<std::size_t>(2 * model.config().hidden_size), 0.5f), b = a;
  packed.add_mlp(a.data(), u.data(), 2, executor);
  dense.add_mlp(b.data(), u.data(), 2, executor);
  EXPECT_TRUE(bits_equal(a, b));
  EXPECT_LT(packed.bytes(), dense.bytes());
  EXPECT_THROW(packed.replace(LinearSlot::kUp, rounded), Error);
}

TEST(Decoder, WrongInputsAreErrorsAndLeaveTheCacheAsItWas) {
  const RandomModel model(small_config(Architecture::kLlama));
  Decoder decoder(model, {});
  Executor executor(1);
  PagePool pages(decoder.cache_layout());
  SequenceCache cache(pages);
  DecoderStep step;
  std::vector<float> logits;
  const auto forward = [&](const std::vector<std::int32_t>& tokens) {
    const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = Logits::kLast};
    decoder.forward({&input, 1}, step, logits, executor);
  };
  forward({1, 2, 3});
  EXPECT_THROW(forward({101}), Error);
  EXPECT_THROW(forward({-1}), Error);
  EXPECT_THROW(forward(std::vector<std::int32_t>(254, 1)), Error);  // 3 + 254 > 256 positions
  pages.set_limit(pages.layout().page_bytes());
  EXPECT_THROW(forward(std::vector<std::int32_t>(14, 1)), Error);  // a second page
  EXPECT_EQ(cache.length(), 3);
  pages.set_limit(0);
  forward({4});
  EXPECT_EQ(cache.length(), 4);
}

}  // namespace
}  // namespace qreason
