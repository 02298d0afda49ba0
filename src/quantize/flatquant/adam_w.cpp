#include "quantize/flatquant/adam_w.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <numbers>

namespace qreason {
namespace {

constexpr double kMeanDecay = 0.9, kSquareDecay = 0.999, kEpsilon = 1e-8, kWeightDecay = 0.01;

}  // namespace

void AdamW::add(const at::Tensor& value, double learning_rate) {
  const at::Tensor zero = at::zeros_like(value).detach();
  parameters_.push_back({value, learning_rate, zero, zero.clone()});
}

void AdamW::clear_gradients() {
  for (Parameter& parameter : parameters_) parameter.value.mutable_grad() = at::Tensor();
}

void AdamW::step(double factor) {
  const at::NoGradGuard no_gradients;
  ++steps_;
  const double mean_share = 1 - std::pow(kMeanDecay, steps_);
  const double square_share = std::sqrt(1 - std::pow(kSquareDecay, steps_));
  for (Parameter& parameter : parameters_) {
    if (!parameter.value.grad().defined()) continue;
    const at::Tensor gradient = parameter.value.grad() * factor;
    parameter.value.mul_(1 - parameter.learning_rate * kWeightDecay);
    parameter.mean.lerp_(gradient, 1 - kMeanDecay);
    parameter.square.mul_(kSquareDecay).addcmul_(gradient, gradient, 1 - kSquareDecay);
    const at::Tensor denominator = (parameter.square.sqrt() / square_share).add_(kEpsilon);
    parameter.value.addcdiv_(parameter.mean, denominator, -parameter.learning_rate / mean_share);
  }
}

double cosine_rate(double start, double end, std::int64_t step, std::int64_t steps) {
  const double turn = std::numbers::pi * static_cast<double>(step) / static_cast<double>(steps);
  return end + (start - end) * (1 + std::cos(turn)) / 2;
}

}  // namespace qreason
