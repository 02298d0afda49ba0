#include "quantize/flatquant/learned_quantizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/max.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/min.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/round.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include "quantize/flatquant/fused_quantizer.h"

namespace qreason {
namespace {

constexpr double kFloor = 1e-5;

at::Tensor straight_through_round(const at::Tensor& x) {
  return (at::round(x) - x).detach() + x;
}

at::Tensor rounded_symmetric(const at::Tensor& x, const at::Tensor& scale, const QuantFormat& format) {
  const double highest = format.max_code();
  return scale * at::clamp(straight_through_round(x / scale), -(highest + 1), highest);
}

}  // namespace

at::Tensor quantize_learned(const at::Tensor& x, const QuantFormat& format, std::int64_t run, const LearnedClip& clip,
                            Executor* executor) {
  if (can_fuse(x)) return fused_quantize(x, format, run, at::sigmoid(clip.max), at::sigmoid(clip.min), executor);
  const at::Tensor runs = x.unflatten(-1, {x.size(-1) / run, run});
  at::Tensor high = at::amax(runs, {-1}, true), low = at::amin(runs, {-1}, true);
  high = at::maximum(high, at::zeros_like(high)) * at::sigmoid(clip.max).unsqueeze(-1);
  low = at::minimum(low, at::zeros_like(low)) * at::sigmoid(clip.min).unsqueeze(-1);
  const double highest = format.max_code();
  if (format.symmetry == Symmetry::kSymmetric) {
    const at::Tensor magnitude = at::maximum(at::abs(low), high);
    const at::Tensor scale = at::where(magnitude == 0, at::ones_like(magnitude), magnitude / highest);
    return rounded_symmetric(runs, scale, format).flatten(-2);
  }
  const at::Tensor empty = (low == 0).logical_and(high == 0);
  high = at::where(empty, at::ones_like(high), high);
  low = at::where(empty, -at::ones_like(low), low);
  const at::Tensor scale = (high - low) / highest;
  const at::Tensor zero = at::round(-low / scale).detach();
  const at::Tensor codes = at::clamp(straight_through_round(runs / scale) + zero, 0, highest);
  return (scale * (codes - zero)).flatten(-2);
}

at::Tensor clip_learned(const at::Tensor& weights, const LearnedClip& clip, Executor* executor) {
  if (can_fuse(weights)) return fused_clip(weights, at::sigmoid(clip.max), at::sigmoid(clip.min), executor);
  const at::Tensor high = std::get<0>(at::max(weights, -1, true)) * at::sigmoid(clip.max);
  const at::Tensor low = std::get<0>(at::min(weights, -1, true)) * at::sigmoid(clip.min);
  return at::clamp(weights, low, high);
}

at::Tensor quantize_weights(const at::Tensor& weights, const QuantFormat& format, Executor* executor) {
  if (can_fuse(weights)) return fused_quantize_weights(weights, format, executor);
  const at::Tensor zero = at::zeros_like(weights.select(-1, 0).unsqueeze(-1));
  const at::Tensor high = at::maximum(std::get<0>(at::max(weights, -1, true)), zero);
  const at::Tensor low = at::minimum(std::get<0>(at::min(weights, -1, true)), zero);
  const at::Tensor scale = at::clamp_min(at::maximum(at::abs(low), high), kFloor) / format.max_code();
  return rounded_symmetric(weights, scale, format);
}

}  // namespace qreason
