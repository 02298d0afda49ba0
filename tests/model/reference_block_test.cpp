// The reference block against formulas written down independently: the naive decoder's double loops, the scalar
// reference quantizer, difference quotients; and packed execution against the reference block.
#include "model/reference_block.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "formats/reference_quantizer.h"
#include "model/decoder.h"
#include "model/naive_decoder.h"
#include "model/plan_cases.h"
#include "model/tensor_quantizer.h"
#include "support/closeness.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::model_with;
using testing::NaiveDecoder;
using testing::plan_cases;
using testing::PlanCase;
using testing::random_tokens;
using testing::RandomModel;
using testing::small_config;

at::Tensor tokens_tensor(const std::vector<std::int32_t>& tokens) {
  return at::tensor(std::vector<std::int64_t>(tokens.begin(), tokens.end()), at::kLong).unsqueeze(0);
}

std::vector<double> reference_of(const RandomModel& model, std::int64_t count, at::ScalarType type = at::kDouble) {
  const auto tokens = random_tokens(count, model.config().vocab_size, 5);
  const at::Tensor logits = reference_logits(model, tokens_tensor(tokens), {.type = type}).to(at::kDouble).contiguous();
  return {logits.const_data_ptr<double>(), logits.const_data_ptr<double>() + logits.numel()};
}

std::vector<double> naive_of(const RandomModel& model, std::int64_t count) {
  std::vector<double> logits;
  for (const auto& row : NaiveDecoder(model).logits(random_tokens(count, model.config().vocab_size, 5))) {
    logits.insert(logits.end(), row.begin(), row.end());
  }
  return logits;
}

std::vector<double> packed_of(const RandomModel& model, std::int64_t count) {
  Executor executor(2);
  const Decoder decoder(model, {.type = ComputeType::kFloat32});
  const auto tokens = random_tokens(count, model.config().vocab_size, 5);
  SequenceCache cache(PagePool(decoder.cache_layout()));
  const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kAll};
  DecoderStep step;
  std::vector<float> logits;
  decoder.forward({&input, 1}, step, logits, executor);
  return {logits.begin(), logits.end()};
}

class ReferencePlans : public ::testing::TestWithParam<std::size_t> {};

// Where nothing is rounded the two differ by the rotary table's float32 cosines alone. Where codes are made, one may
// lie so near a border that float32 scales (the naive decoder's) and double ones part there: then most seeds must
// agree.
TEST_P(ReferencePlans, EqualTheNaiveDecoder) {
  const PlanCase& one = plan_cases()[GetParam()];
  int equal = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const RandomModel model = model_with(one.architecture_of(seed), one.rules, one.degree, seed);
    const double tolerance = one.rounds == PlanCase::Rounds::kNo ? 1e-5 : 1e-4;
    equal += testing::all_close(reference_of(model, 8), naive_of(model, 8), {.absolute = tolerance}) ? 1 : 0;
  }
  EXPECT_GE(equal, one.rounds == PlanCase::Rounds::kNo ? 6 : 4) << one.name;
}

TEST_P(ReferencePlans, AreWhatPackedExecutionComputes) {
  const PlanCase& one = plan_cases()[GetParam()];
  int equal = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const RandomModel model = model_with(one.architecture_of(seed), one.rules, one.degree, seed);
    equal += testing::all_close(packed_of(model, 8), reference_of(model, 8, at::kFloat),
                                {.absolute = 2e-3, .relative = 1e-4})
                 ? 1
                 : 0;
  }
  EXPECT_GE(equal, one.rounds == PlanCase::Rounds::kNo ? 6 : 4) << one.name;
}

INSTANTIATE_TEST_SUITE_P(All, ReferencePlans, ::testing::Range(std::size_t{0}, plan_cases().size()),
                         [](const auto& item) {
                           std::string name = plan_cases()[item.param].name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

// In float32 the tensor quantizer is the scalar one, bit for bit.
TEST(TensorQuantizer, EqualsTheReferenceQuantizerBitForBit) {
  std::mt19937_64 random(3);
  std::normal_distribution<float> normal;
  at::Tensor x = at::empty({40, 96}, at::kFloat);
  const std::span<float> values(x.data_ptr<float>(), 40 * 96);
  for (float& value : values) value = normal(random) * std::exp(3 * normal(random));
  std::fill_n(values.begin(), 96, 0.0f);                                     // a row of zeros,
  std::fill_n(values.begin() + 96, 96, 1.5f);                                // of one number,
  for (int i = 0; i < 96; ++i) values[192 + i] = std::abs(values[192 + i]);  // and without negative ones
  for (const char* text :
       {"a8-token-asym", "a4-token-asym-clip0.9", "a8-token-sym", "a4-g32-sym", "a2-g16-asym", "a6-g96-asym-zero",
        "a5-token-asym-true", "a8-token-sym-full", "a4-g32-sym-full", "a:fp8e4m3", "a:fp8e5m2-g32", "a:fp4e2m1-g16",
        "a:mxfp8e4m3", "a:mxfp8e5m2", "a:mxfp4", "a:nvfp4"}) {
    const QuantFormat format = parse_quant_format(text);
    const std::int64_t run = format.granularity == Granularity::kTokenGroup ? format.group_size : 96;
    const at::Tensor got = quantize_dequantize(x, format, run);
    std::vector<float> want(values.size());
    for (std::size_t at = 0; at < values.size(); at += static_cast<std::size_t>(run)) {
      const auto count = static_cast<std::size_t>(run);
      quantize_dequantize(values.subspan(at, count), format, std::span(want).subspan(at, count));
    }
    const float* numbers = got.const_data_ptr<float>();
    for (std::size_t i = 0; i < want.size(); ++i) {
      ASSERT_EQ(numbers[i], want[i]) << text << " at " << i << " of " << values[i];
    }
  }
  EXPECT_THROW(quantize_dequantize(x, parse_quant_format("a8-token-asym"), 7), Error);
}

// d(sum of outputs * c)/d(weight) by autograd against difference quotients, through the whole block.
TEST(ReferenceBlock, HasTheGradientsOfItsFunction) {
  const RandomModel model(small_config(Architecture::kQwen2), 2);
  const ReferenceOptions options{.type = at::kDouble};
  const RopeTable rope(model.config());
  const ReferenceAngles angles = reference_angles(rope, model.config(), 6, options);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  const auto noise = [&] {
    at::Tensor values = at::empty({1, 6, 48}, at::kDouble);
    for (double& value : std::span(values.data_ptr<double>(), 6 * 48)) value = normal(random);
    return values;
  };
  const at::Tensor h = noise(), c = noise();
  for (const LinearSlot slot : kLinearSlots) {
    ReferenceBlock block(model, 1, options);
    const at::Tensor weight = block.weight(slot).clone().requires_grad_(true);
    block.weight(slot) = weight;
    (block.forward(h, angles) * c).sum().backward();
    const auto value_at = [&](std::int64_t row, std::int64_t column, double step) {
      at::Tensor moved = weight.detach().clone();
      moved.data_ptr<double>()[row * moved.size(1) + column] += step;
      block.weight(slot) = moved;
      return (block.forward(h, angles) * c).sum().item<double>();
    };
    for (const auto& [row, column] : {std::pair{0, 0}, std::pair{7, 31}, std::pair{20, 40}}) {
      const double quotient = (value_at(row, column, 1e-5) - value_at(row, column, -1e-5)) / 2e-5;
      EXPECT_NEAR(weight.grad().const_data_ptr<double>()[row * weight.size(1) + column], quotient,
                  1e-6 * std::max(1.0, std::abs(quotient)))
          << name_of(slot) << " " << row << ", " << column;
    }
  }
}

TEST(ReferenceBlock, PassesGradientsStraightThroughItsQuantizers) {
  at::Tensor x = at::tensor({0.3, -1.2, 0.7, 2.0}, at::kDouble).requires_grad_(true);
  const at::Tensor rounded = quantize_dequantize(x, parse_quant_format("a4-token-asym"), 4);
  (rounded * at::tensor({1.0, 2.0, 3.0, 4.0}, at::kDouble)).sum().backward();
  EXPECT_TRUE(at::allclose(x.grad(), at::tensor({1.0, 2.0, 3.0, 4.0}, at::kDouble)));
}

}  // namespace
}  // namespace qreason
