#include "model/tensor_quantizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/clamp_max.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/copysign.h>
#include <ATen/ops/frexp.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ldexp.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/round.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "formats/float_codecs.h"
#include "formats/quantized_matrix.h"
#include "formats/reference_quantizer.h"

namespace qreason {
namespace {

constexpr double kFloor = 1e-5;

// A number as a tensor of x's type and device: a division by a plain number may become a product with its inverse,
// which rounds elsewhere.
at::Tensor number(double value, const at::Tensor& x) {
  return at::full({}, static_cast<float>(value), x.options());
}

at::Tensor with_type_of(const at::Tensor& values, at::ScalarType through) {
  return values.to(through).to(values.scalar_type());
}

at::Tensor kept_scale(const at::Tensor& scale, ScaleType type) {
  if (type == ScaleType::kFloat16) return with_type_of(scale, at::kHalf);
  if (type == ScaleType::kBFloat16) return with_type_of(scale, at::kBFloat16);
  return scale;
}

at::Tensor one_where_zero(const at::Tensor& scale) {
  return at::where(scale == 0, at::ones_like(scale), scale);
}

// Multiples of 1/2 below 2, of 1 below 4, of 2 up to 6; ties to the even code, which is the even multiple.
at::Tensor round_to_e2m1(const at::Tensor& x) {
  const at::Tensor size = at::clamp(at::abs(x), 0, 6);
  const at::Tensor small = at::round(size * 2) / 2, middle = at::round(size), large = at::round(size / 2) * 2;
  return at::copysign(at::where(size < 2, small, at::where(size < 4, middle, large)), x);
}

at::Tensor round_to_element(const at::Tensor& x, NumberKind kind) {
  if (kind == NumberKind::kFp4E2M1) return round_to_e2m1(x);
  const double largest = largest_value(kind);
  const auto type = kind == NumberKind::kFp8E4M3 ? at::kFloat8_e4m3fn : at::kFloat8_e5m2;
  return with_type_of(at::clamp(x, -largest, largest), type);
}

// checkpoint_formats.md section 3.3: 2^(exponent of the magnitude, one more from 1.75 on) over the exponent of the
// largest element.
at::Tensor e8m0_scale(const at::Tensor& magnitude, NumberKind kind) {
  const auto [fraction, exponent] = at::frexp(magnitude);  // fraction in [1/2, 1)
  const int largest = std::ilogb(largest_value(kind));
  const at::Tensor power =
      at::clamp(exponent - 1 + (fraction >= 0.875).to(exponent.scalar_type()) - largest, -127, 127 - largest);
  return at::where(magnitude == 0, at::ones_like(magnitude), at::ldexp(at::ones_like(magnitude), power));
}

at::Tensor e4m3_scale(const at::Tensor& magnitude, NumberKind kind, float global_scale) {
  const at::Tensor global = number(global_scale, magnitude);
  const at::Tensor scale =
      round_to_element(global * (magnitude / number(largest_value(kind), magnitude)), NumberKind::kFp8E4M3);
  const at::Tensor floored = at::where(scale == 0, number(decode_e4m3(1), scale), scale);
  return at::where(magnitude == 0, at::ones_like(magnitude), floored / global);
}

RunParameters float_parameters(const at::Tensor& magnitude, const QuantFormat& format, float global_scale) {
  const at::Tensor zero = at::zeros_like(magnitude);
  if (format.scale_type == ScaleType::kE8M0) return {e8m0_scale(magnitude, format.kind), zero};
  if (format.scale_type == ScaleType::kE4M3) return {e4m3_scale(magnitude, format.kind, global_scale), zero};
  const at::Tensor scale = magnitude / number(largest_value(format.kind), magnitude);
  return {one_where_zero(kept_scale(scale, format.scale_type)), zero};
}

RunParameters asymmetric_parameters(const at::Tensor& low, const at::Tensor& high, double floor,
                                    const QuantFormat& format) {
  const at::Tensor highest = number(format.max_code(), low);
  const at::Tensor span = at::maximum(high - low, number(floor, low));
  const at::Tensor found = kept_scale(span / highest, format.scale_type);
  // A span too small for a scale counts as all-zero: from -1 to 1.
  const at::Tensor none = found == 0;
  const at::Tensor scale = at::where(none, kept_scale(number(2, low) / highest, format.scale_type), found);
  const at::Tensor first = at::where(none, number(-1, low), low);
  return {scale, at::clamp(-at::round(first / scale), 0, format.max_code())};
}

RunParameters integer_parameters(at::Tensor low, at::Tensor high, const QuantFormat& format) {
  const bool full = format.rule == RangeRule::kFullRange;
  const double floor = full || format.rule == RangeRule::kTokenRange ? 0 : kFloor;
  if (format.symmetry == Symmetry::kSymmetric) {
    const at::Tensor magnitude = at::maximum(at::maximum(at::abs(low), at::abs(high)), number(floor, low));
    const double steps = format.max_code() + (full ? 0.5 : 0.0);
    const at::Tensor scale = kept_scale(magnitude / number(steps, low), format.scale_type);
    return {one_where_zero(scale), at::zeros_like(scale)};
  }
  if (format.rule != RangeRule::kTrueRange) {
    low = at::clamp_max(low, 0);
    high = at::clamp_min(high, 0);
    const at::Tensor empty = (low == 0).logical_and(high == 0);
    low = at::where(empty, number(-1, low), low);
    high = at::where(empty, number(1, high), high);
  }
  return asymmetric_parameters(low, high, floor, format);
}

// The ends of the runs as the rule takes them.
struct Ends {
  at::Tensor low, high;
};

Ends ends_of(const at::Tensor& runs, const QuantFormat& format, const RunClips& clips) {
  Ends ends{at::amin(runs, {-1}, true), at::amax(runs, {-1}, true)};
  if (format.rule != RangeRule::kTokenRange) return ends;
  return {at::clamp_max(ends.low, 0) * clips.low, at::clamp_min(ends.high, 0) * clips.high};
}

RunParameters parameters_of(const Ends& ends, const QuantFormat& format, float global_scale = 1.0f) {
  if (format.kind == NumberKind::kInteger) return integer_parameters(ends.low, ends.high, format);
  return float_parameters(at::maximum(at::abs(ends.low), at::abs(ends.high)), format, global_scale);
}

// shrunk_parameters of formats/reference_quantizer.h.
RunParameters shrunk_parameters(const Ends& ends, int step, const QuantFormat& format) {
  const double factor = static_cast<float>(1.0 - step / 100.0);
  const at::Tensor highest = number(format.max_code(), ends.low);
  if (format.symmetry == Symmetry::kSymmetric) {
    const at::Tensor largest = at::clamp_min(at::maximum(at::abs(ends.low), at::abs(ends.high)), kFloor);
    const at::Tensor scale = kept_scale(largest * factor / highest, format.scale_type);
    return {scale, at::zeros_like(scale)};
  }
  at::Tensor low = at::clamp_max(ends.low, 0), high = at::clamp_min(ends.high, 0);
  const at::Tensor empty = (low == 0).logical_and(high == 0);
  low = at::where(empty, number(-1, low), low) * factor;
  high = at::where(empty, number(1, high), high) * factor;
  const at::Tensor scale = kept_scale((high - low) / highest, format.scale_type);
  return {scale, at::clamp(-at::round(low / scale), 0, format.max_code())};
}

RunParameters searched_parameters(const at::Tensor& runs, const Ends& ends, const QuantFormat& format) {
  RunParameters best = parameters_of(ends, format);
  at::Tensor least = at::full_like(ends.low, std::numeric_limits<double>::infinity());
  for (int step = 0; step < kSearchSteps; ++step) {
    const RunParameters candidate = shrunk_parameters(ends, step, format);
    const at::Tensor off = quantize_dequantize(runs, format, candidate.scale, candidate.zero).sub_(runs);
    const at::Tensor error = off.abs_().pow_(2.4).sum(-1, true);
    const at::Tensor better = (error < least).logical_and(candidate.scale != 0);
    least = at::where(better, error, least);
    best = {at::where(better, candidate.scale, best.scale), at::where(better, candidate.zero, best.zero)};
  }
  return best;
}

RunClips clips_of(const QuantFormat& format, const at::Tensor& x) {
  const at::Tensor ratio = number(format.clip_ratio, x).reshape({1});
  return {.low = ratio, .high = ratio};
}

// Scales of NVFP4 over the global one (formats/quantized_matrix.h).
at::Tensor nvfp4_scales(const at::Tensor& runs) {
  const at::Tensor magnitude = at::amax(at::abs(runs), {-1}, true), largest = at::amax(magnitude);
  const double ends = largest_value(NumberKind::kFp8E4M3) * largest_value(NumberKind::kFp4E2M1);
  const at::Tensor found = number(ends, runs) / largest;
  const at::Tensor global = at::where(found.isfinite(), found, number(1, runs));
  const at::Tensor scale =
      round_to_element(global * (magnitude / number(largest_value(NumberKind::kFp4E2M1), runs)), NumberKind::kFp8E4M3);
  const at::Tensor floored = at::maximum(scale, number(decode_e4m3(1), runs));
  return at::where(magnitude == 0, number(1, runs), floored) / global;
}

}  // namespace

at::Tensor quantize_dequantize(const at::Tensor& x, const QuantFormat& format, const at::Tensor& scale,
                               const at::Tensor& zero) {
  at::Tensor rounded;
  if (format.kind == NumberKind::kInteger) {
    const double highest = format.max_code();
    const double lowest = format.symmetry == Symmetry::kSymmetric ? -(highest + 1) : 0;
    rounded = scale * (at::clamp(at::round(x / scale) + zero, lowest, highest) - zero);
  } else {
    rounded = scale * round_to_element(x / scale, format.kind);
  }
  return x.requires_grad() ? x + (rounded - x).detach() : rounded;
}

namespace {

at::Tensor rounded_runs(const at::Tensor& x, const QuantFormat& format, std::int64_t run, const RunClips& clips,
                        float global_scale) {
  if (format.search != RangeSearch::kNone) {
    throw Error("quantizer", to_string(format), "a format without a search");
  }
  if (run < 1 || x.dim() < 1 || x.size(-1) % run != 0) {
    throw Error("quantizer", fmt::format("runs of {} in {} values", run, x.dim() < 1 ? 0 : x.size(-1)),
                "runs that divide them");
  }
  const at::Tensor runs = x.unflatten(-1, {x.size(-1) / run, run});
  const RunClips own{.low = clips.low.unsqueeze(-1), .high = clips.high.unsqueeze(-1)};
  const RunParameters parameters = parameters_of(ends_of(runs.detach(), format, own), format, global_scale);
  return quantize_dequantize(runs, format, parameters.scale, parameters.zero).flatten(-2);
}

}  // namespace

at::Tensor quantize_dequantize(const at::Tensor& x, const QuantFormat& format, std::int64_t run, float global_scale) {
  return rounded_runs(x, format, run, clips_of(format, x), global_scale);
}

at::Tensor quantize_dequantize(const at::Tensor& x, const QuantFormat& format, std::int64_t run,
                               const RunClips& clips) {
  return rounded_runs(x, format, run, clips, 1.0f);
}

RunParameters find_run_parameters(const at::Tensor& runs, const QuantFormat& format, float global_scale) {
  const Ends ends = ends_of(runs, format, clips_of(format, runs));
  return format.search == RangeSearch::kMse ? searched_parameters(runs, ends, format)
                                            : parameters_of(ends, format, global_scale);
}

RunParameters find_run_parameters(const at::Tensor& runs, const QuantFormat& format, const RunClips& clips) {
  return parameters_of(ends_of(runs, format, clips), format);
}

at::Tensor rounded_to_nearest(const at::Tensor& weights, const QuantFormat& format) {
  const std::int64_t run = group_size_of(format, weights.size(-1));
  const at::Tensor runs = weights.unflatten(-1, {weights.size(-1) / run, run});
  RunParameters parameters = find_run_parameters(runs, format);
  if (format.scale_type == ScaleType::kE4M3) parameters.scale = nvfp4_scales(runs);
  return quantize_dequantize(runs, format, parameters.scale, parameters.zero).flatten(-2);
}

}  // namespace qreason
