#include "formats/reference_quantizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "formats/float_codecs.h"
#include "formats/power.h"
#include "formats/scale_codec.h"

namespace qreason {
namespace {

constexpr float kFloor = 1e-5f;
constexpr int kSearchGrid = 100;

bool symmetric(const QuantFormat& format) {
  return format.symmetry == Symmetry::kSymmetric;
}

float largest_magnitude(Range range) {
  return std::max(std::abs(range.low), std::abs(range.high));
}

// The scale as a checkpoint will hold it.
float kept_scale(float scale, const QuantFormat& format) {
  const float kept = stored_scale(scale, format.scale_type);
  if (!std::isfinite(kept)) {
    throw Error("quantizer", fmt::format("a scale of {} in {}", scale, to_string(format)),
                "one that the type of the scales holds");
  }
  return kept;
}

// round(-low / s). A range at the bottom of the float32 numbers has so coarse a scale that the quotient passes Q; with
// any other range the clamp changes nothing under the rules that do not ask for it. Adding 0 turns -0 into 0.
float zero_point(float low, float scale, const QuantFormat& format) {
  return std::clamp(-std::nearbyint(low / scale), 0.0f, static_cast<float>(format.max_code())) + 0.0f;
}

GroupParameters asymmetric_parameters(Range range, float floor, const QuantFormat& format) {
  const float span = range.high - range.low;
  if (!std::isfinite(span)) {
    throw Error("quantizer", fmt::format("a group from {} to {}", range.low, range.high), "a span that float32 holds");
  }
  const float scale = kept_scale(std::max(span, floor) / static_cast<float>(format.max_code()), format);
  // Without a floor a span below 2^-149 * Q / 2 (2^-24 * Q / 2 in float16) has no scale; it is treated as the all-zero
  // group it amounts to.
  if (scale == 0) return asymmetric_parameters({.low = -1, .high = 1}, 0, format);
  return {.scale = scale, .zero = zero_point(range.low, scale, format)};
}

GroupParameters integer_parameters(Range range, const QuantFormat& format) {
  const bool full = format.rule == RangeRule::kFullRange;
  const float floor = full || format.rule == RangeRule::kTokenRange ? 0.0f : kFloor;
  if (symmetric(format)) {
    const float steps = static_cast<float>(format.max_code()) + (full ? 0.5f : 0.0f);
    const float scale = kept_scale(std::max(largest_magnitude(range), floor) / steps, format);
    return {.scale = scale == 0 ? 1.0f : scale};
  }
  if (format.rule != RangeRule::kTrueRange) {
    range = {.low = std::min(range.low, 0.0f), .high = std::max(range.high, 0.0f)};
    if (range.low == 0 && range.high == 0) range = {.low = -1, .high = 1};
  }
  return asymmetric_parameters(range, floor, format);
}

// checkpoint_formats.md section 3.3: the largest magnitude rounded to a power of two (upwards from 1.75 on), over the
// power of two of the format's largest value (2^2 in E2M1, 2^8 in E4M3, 2^15 in E5M2).
float e8m0_scale(float magnitude, NumberKind kind) {
  if (magnitude == 0) return 1.0f;
  const std::uint32_t rounded = std::bit_cast<std::uint32_t>(magnitude) + (1u << 21);
  const int largest_exponent = std::ilogb(largest_value(kind));
  const int exponent = static_cast<int>(rounded >> 23) - 127 - largest_exponent;
  // At the top of float32 the largest element times the scale must still be a number.
  return std::ldexp(1.0f, std::clamp(exponent, -127, 127 - largest_exponent));
}

float e4m3_scale(float magnitude, NumberKind kind, float global_scale) {
  if (magnitude == 0) return 1.0f;
  const float scale = decode_e4m3(encode_e4m3(global_scale * (magnitude / largest_value(kind))));
  return (scale == 0 ? decode_e4m3(1) : scale) / global_scale;
}

GroupParameters float_parameters(Range range, const QuantFormat& format, float global_scale) {
  const float magnitude = largest_magnitude(range);
  switch (format.scale_type) {
    case ScaleType::kE8M0:
      return {.scale = e8m0_scale(magnitude, format.kind)};
    case ScaleType::kE4M3:
      return {.scale = e4m3_scale(magnitude, format.kind, global_scale)};
    case ScaleType::kFloat32:
    case ScaleType::kFloat16:
    case ScaleType::kBFloat16:
      break;
  }
  const float scale = kept_scale(magnitude / largest_value(format.kind), format);
  return {.scale = scale == 0 ? 1.0f : scale};
}

Range clipped_range(std::span<const float> group, const QuantFormat& format) {
  if (group.empty()) throw Error("quantizer", "an empty group", "at least one value");
  Range range{.low = group[0], .high = group[0]};
  for (const float value : group) {
    if (!std::isfinite(value)) throw Error("quantizer", fmt::format("{} in a group", value), "finite values");
    range = {.low = std::min(range.low, value), .high = std::max(range.high, value)};
  }
  return format.rule == RangeRule::kTokenRange ? token_range(range, format) : range;
}

double search_error(std::span<const float> group, GroupParameters parameters, const QuantFormat& format) {
  double error = 0;
  for (const float value : group) {
    error += power_2_4(std::abs(decode(encode(value, parameters, format), parameters, format) - value));
  }
  return error;
}

// The range is shrunk as it was before the scale's floor, and the shrunk scale has none (asymmetric); a symmetric range
// is floored before the search.
GroupParameters search_parameters(std::span<const float> group, Range range, const QuantFormat& format) {
  GroupParameters best = integer_parameters(range, format);
  double best_error = std::numeric_limits<double>::infinity();
  for (int step = 0; step < kSearchSteps; ++step) {
    const GroupParameters candidate = shrunk_parameters(range, step, format);
    if (candidate.scale == 0) continue;
    const double error = search_error(group, candidate, format);
    if (error < best_error) {
      best_error = error;
      best = candidate;
    }
  }
  return best;
}

}  // namespace

Range token_range(Range range, ClipRatios clip) {
  return {.low = std::min(range.low, 0.0f) * clip.low, .high = std::max(range.high, 0.0f) * clip.high};
}

Range token_range(Range range, const QuantFormat& format) {
  return token_range(range, ClipRatios{.low = format.clip_ratio, .high = format.clip_ratio});
}

GroupParameters shrunk_parameters(Range range, int step, const QuantFormat& format) {
  const auto factor = static_cast<float>(1.0 - step / static_cast<double>(kSearchGrid));
  const auto max_code = static_cast<float>(format.max_code());
  if (symmetric(format)) {
    return {.scale = kept_scale(factor * std::max(largest_magnitude(range), kFloor) / max_code, format)};
  }
  range = {.low = std::min(range.low, 0.0f), .high = std::max(range.high, 0.0f)};
  if (range.low == 0 && range.high == 0) range = {.low = -1, .high = 1};
  const float low = factor * range.low;
  const float scale = kept_scale((factor * range.high - low) / max_code, format);
  return {.scale = scale, .zero = scale == 0 ? 0.0f : zero_point(low, scale, format)};
}

GroupParameters parameters_of_range(Range range, const QuantFormat& format, float global_scale) {
  if (!std::isfinite(range.low) || !std::isfinite(range.high)) {
    throw Error("quantizer", fmt::format("a range from {} to {}", range.low, range.high), "finite ends");
  }
  return format.kind == NumberKind::kInteger ? integer_parameters(range, format)
                                             : float_parameters(range, format, global_scale);
}

GroupParameters find_parameters(std::span<const float> group, const QuantFormat& format, float global_scale) {
  const Range range = clipped_range(group, format);
  const GroupParameters parameters = parameters_of_range(range, format, global_scale);
  return format.search == RangeSearch::kMse ? search_parameters(group, range, format) : parameters;
}

int encode(float value, GroupParameters parameters, const QuantFormat& format) {
  const float scaled = value / parameters.scale;
  if (format.kind != NumberKind::kInteger) return encode_float_code(scaled, format.kind);
  if (std::isnan(scaled)) return static_cast<int>(parameters.zero);
  const auto highest = static_cast<float>(format.max_code());
  const float lowest = symmetric(format) ? -(highest + 1) : 0.0f;
  return static_cast<int>(std::clamp(std::nearbyint(scaled) + parameters.zero, lowest, highest));
}

float decode(int code, GroupParameters parameters, const QuantFormat& format) {
  if (format.kind == NumberKind::kInteger) return parameters.scale * (static_cast<float>(code) - parameters.zero);
  return parameters.scale * decode_float_code(static_cast<std::uint8_t>(code), format.kind);
}

void quantize_dequantize(std::span<const float> group, const QuantFormat& format, std::span<float> out,
                         float global_scale) {
  if (out.size() != group.size()) {
    throw Error("quantizer", fmt::format("room for {} values", out.size()), fmt::format("{}", group.size()));
  }
  const GroupParameters parameters = find_parameters(group, format, global_scale);
  for (std::size_t i = 0; i < group.size(); ++i)
    out[i] = decode(encode(group[i], parameters, format), parameters, format);
}

}  // namespace qreason
