// FlatQuant's products and transforms by the kernels against the same in plain tensor operations, in float64, gradients
// included.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

#include "quantize/flatquant/kronecker_rows.h"
#include "quantize/flatquant/learned_quantizer.h"
#include "quantize/flatquant/linear_product.h"

namespace qreason {
namespace {

using Tensors = std::vector<at::Tensor>;
using Computation = std::function<at::Tensor(const Tensors&)>;

Tensors with_gradients(const Tensors& values, at::ScalarType type) {
  Tensors own;
  for (const at::Tensor& value : values) own.push_back(value.to(type).clone().requires_grad_(true));
  return own;
}

// The result and the gradients of all inputs, for a gradient of the result that is the same in both types.
Tensors computed(const Computation& compute, const Tensors& values, at::ScalarType type) {
  const Tensors own = with_gradients(values, type);
  const at::Tensor out = compute(own);
  at::manual_seed(9);
  const at::Tensor g = at::randn(out.sizes()).to(type);
  Tensors found = torch::autograd::grad({out}, own, {g});
  found.insert(found.begin(), out.detach());
  return found;
}

void expect_close(const Tensors& got, const Tensors& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].sizes(), want[i].sizes()) << i;
    const double largest = want[i].abs().max().item<double>();
    EXPECT_LT((got[i].to(at::kDouble) - want[i]).abs().max().item<double>(), tolerance * largest) << "of " << i;
  }
}

void expect_equal(const Tensors& got, const Tensors& want) {
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(got[i].equal(want[i])) << i;
}

at::Tensor plain_kronecker(const at::Tensor& x, const at::Tensor& left, const at::Tensor& right) {
  return at::matmul(left.t(), at::matmul(x.unflatten(-1, {left.size(0), right.size(0)}), right)).flatten(-2);
}

Tensors random_values(const std::vector<std::vector<std::int64_t>>& shapes) {
  at::manual_seed(5);
  Tensors values;
  for (const auto& shape : shapes) values.push_back(at::randn(shape));
  return values;
}

TEST(FlatKernels, MultiplyRowsByWeights) {
  Executor one(1), three(3);
  const auto fused = [](Executor& executor) {
    // The weights are a sum, so that their gradient has a way to go.
    return [&executor](const Tensors& v) {
      const auto sum = [](const Tensors& parts) { return parts[0] + parts[1]; };
      return linear_product(v[0], sum, {v[1], v[2]}, executor);
    };
  };
  const Tensors values = random_values({{2, 37, 50}, {70, 50}, {70, 50}});
  const auto plain = [](const Tensors& v) { return at::matmul(v[0], (v[1] + v[2]).t()); };
  const Tensors want = computed(plain, values, at::kDouble);
  const Tensors got = computed(fused(one), values, at::kFloat);
  expect_close(got, want, 2e-6);
  expect_equal(computed(fused(three), values, at::kFloat), got);
}

// More rows than tasks and fewer; activations of several sequences, and a shard of wider rows.
TEST(FlatKernels, TransformRows) {
  Executor one(1), three(3);
  for (const std::int64_t rows : {3, 150}) {
    const Tensors values = random_values({{rows, 60}, {48}, {6, 6}, {8, 8}});
    const auto part = [](const at::Tensor& x) { return x.narrow(1, 12, 48); };
    const auto fused = [&](Executor& executor) {
      return [&](const Tensors& v) { return kronecker_rows(part(v[0]), {v[1], v[2], v[3]}, executor); };
    };
    const Tensors want =
        computed([&](const Tensors& v) { return plain_kronecker(part(v[0]) * v[1], v[2], v[3]); }, values, at::kDouble);
    const Tensors got = computed(fused(one), values, at::kFloat);
    expect_close(got, want, 5e-6);
    expect_equal(computed(fused(three), values, at::kFloat), got);
  }
}

// Numbers whose rounding does not hang on the last bits: what float32 and float64 round differently is left out by
// comparing only where both agree, which nearly all rows do.
TEST(FlatKernels, TransformClipAndRoundWeights) {
  Executor executor(2);
  const QuantFormat format = parse_quant_format("w4c-sym-zero");
  const auto highest = static_cast<float>(format.max_code());
  const std::int64_t out = 40, width = 48;
  Tensors values = random_values({{48}, {6, 6}, {8, 8}, {out, 1}, {out, 1}});
  values[0] = values[0].abs() + 0.5;
  at::manual_seed(6);
  const at::Tensor weights = at::randn({out, width});
  for (const bool rounded : {false, true}) {
    const auto plain = [&](const Tensors& v) {
      const at::Tensor x = plain_kronecker(weights.to(v[0].scalar_type()) * v[0], v[1], v[2]).unsqueeze(1);
      const at::Tensor cut = clip_learned(x, {v[3].unsqueeze(1), v[4].unsqueeze(1)});
      return (rounded ? quantize_weights(cut, format) : cut).squeeze(1);
    };
    const auto fused = [&](const Tensors& v) {
      return kronecker_weights(weights, {v[0], v[1], v[2]}, {at::sigmoid(v[3]), at::sigmoid(v[4])},
                               rounded ? std::optional(highest) : std::nullopt, executor);
    };
    const Tensors got = computed(fused, values, at::kFloat), want = computed(plain, values, at::kDouble);
    expect_close(got, want, 2e-5);
  }
}

}  // namespace
}  // namespace qreason
