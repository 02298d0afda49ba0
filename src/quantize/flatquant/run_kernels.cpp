#include "quantize/flatquant/run_kernels.h"

#include <algorithm>

namespace qreason {
namespace {

// Sums and extremes are taken in so many lanes, joined at the end: loops that a compiler can make vectors of.
constexpr std::int64_t kLanes = 16;

// Adding and taking away 1.5 * 2^23 rounds a number below 2^22 to a whole one, ties to even.
constexpr float kRounder = 12582912.0f;

struct Code {
  float value;   // before the clamp
  float scaled;  // x / scale
};

// Numbers far outside the codes are brought near first, so that rounding them works.
inline Code code_of(float x, const RunCodes& codes) {
  const float scaled = x / codes.scale;
  const float low = codes.lowest - codes.zero - 1, high = codes.highest - codes.zero + 1;
  float near = scaled < low ? low : scaled;
  near = near > high ? high : near;
  return {(near + kRounder) - kRounder + codes.zero, scaled};
}

inline float clamped(float code, const RunCodes& codes) {
  const float raised = code < codes.lowest ? codes.lowest : code;
  return raised > codes.highest ? codes.highest : raised;
}

constexpr float kFloor = 1e-5f;

struct ZeroRange {
  RunEnds ends;
  float magnitude;  // without the floor
  RunCodes codes;

  ZeroRange(const float* x, std::int64_t count, float highest) : ends(ends_of(x, count)) {
    magnitude = std::max(-std::min(ends.low, 0.0f), std::max(ends.high, 0.0f));
    codes = {std::max(magnitude, kFloor) / highest, 0, -(highest + 1), highest};
  }
};

float sum_of(const float* lanes) {
  float sum = 0;
  for (std::int64_t lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

}  // namespace

RunEnds ends_of(const float* x, std::int64_t count) {
  float low[kLanes], high[kLanes];
  std::fill_n(low, kLanes, x[0]);
  std::fill_n(high, kLanes, x[0]);
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const float value = x[i + lane];
      low[lane] = value < low[lane] ? value : low[lane];
      high[lane] = value > high[lane] ? value : high[lane];
    }
  }
  for (; i < count; ++i) {
    low[0] = std::min(low[0], x[i]);
    high[0] = std::max(high[0], x[i]);
  }
  return {*std::min_element(low, low + kLanes), *std::max_element(high, high + kLanes)};
}

void round_run(const float* x, std::int64_t count, const RunCodes& codes, float* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = codes.scale * (clamped(code_of(x[i], codes).value, codes) - codes.zero);
  }
}

// d out / d scale = (code - zero) - (x / scale where the clamp changes nothing).
float round_run_backward(const float* x, const float* g, std::int64_t count, const RunCodes& codes, float* gx) {
  float sum[kLanes] = {};
  const auto step = [&](std::int64_t i, float& total) {
    const Code code = code_of(x[i], codes);
    const float kept = clamped(code.value, codes);
    const bool inside = kept == code.value;
    gx[i] = inside ? g[i] : 0.0f;
    total += g[i] * (kept - codes.zero - (inside ? code.scaled : 0.0f));
  };
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) step(i + lane, sum[lane]);
  }
  for (; i < count; ++i) step(i, sum[0]);
  return sum_of(sum);
}

void clip_run(const float* x, std::int64_t count, RunEnds ends, float* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float raised = x[i] < ends.low ? ends.low : x[i];
    out[i] = raised > ends.high ? ends.high : raised;
  }
}

RunEnds clip_run_backward(const float* x, const float* g, std::int64_t count, RunEnds ends, float* gx) {
  float low[kLanes] = {}, high[kLanes] = {};
  const auto step = [&](std::int64_t i, std::int64_t lane) {
    const bool below = x[i]<ends.low, above = x[i]> ends.high;
    gx[i] = below || above ? 0.0f : g[i];
    low[lane] += below ? g[i] : 0.0f;
    high[lane] += above ? g[i] : 0.0f;
  };
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) step(i + lane, lane);
  }
  for (; i < count; ++i) step(i, 0);
  return {sum_of(low), sum_of(high)};
}

void add_to_all(const float* x, std::int64_t count, float value, float gradient, float* gx) {
  const auto places = static_cast<float>(std::count(x, x + count, value));
  const float share = places > 0 ? gradient / places : 0.0f;
  for (std::int64_t i = 0; i < count; ++i) gx[i] += x[i] == value ? share : 0.0f;
}

void add_to_first(const float* x, std::int64_t count, float value, float gradient, float* gx) {
  const std::int64_t place = std::find(x, x + count, value) - x;
  if (place < count) gx[place] += gradient;
}

void clip_weights(const float* x, std::int64_t count, RunEnds ratios, float* out) {
  const RunEnds ends = ends_of(x, count);
  clip_run(x, count, {ends.low * ratios.low, ends.high * ratios.high}, out);
}

RunEnds clip_weights_backward(const float* x, const float* g, std::int64_t count, RunEnds ratios, float* gx) {
  const RunEnds ends = ends_of(x, count);
  const RunEnds found = clip_run_backward(x, g, count, {ends.low * ratios.low, ends.high * ratios.high}, gx);
  add_to_first(x, count, ends.high, found.high * ratios.high, gx);
  add_to_first(x, count, ends.low, found.low * ratios.low, gx);
  return {found.low * ends.low, found.high * ends.high};
}

void round_weights(const float* x, std::int64_t count, float highest, float* out) {
  round_run(x, count, ZeroRange(x, count, highest).codes, out);
}

void round_weights_backward(const float* x, const float* g, std::int64_t count, float highest, float* gx) {
  const ZeroRange range(x, count, highest);
  const float of_scale = round_run_backward(x, g, count, range.codes, gx);
  if (range.magnitude < kFloor) return;
  const float each = of_scale / highest;
  const float low = -std::min(range.ends.low, 0.0f), high = std::max(range.ends.high, 0.0f);
  add_to_first(x, count, range.ends.high, each * share_of(high, low) * passed_by_zero(range.ends.high, 1), gx);
  add_to_first(x, count, range.ends.low, -each * share_of(low, high) * passed_by_zero(range.ends.low, -1), gx);
}

float passed_by_zero(float end, float sign) {
  if (end == 0) return 0.5f;
  return end * sign > 0 ? 1.0f : 0.0f;
}

float share_of(float own, float rival) {
  if (own == rival) return 0.5f;
  return own > rival ? 1.0f : 0.0f;
}

}  // namespace qreason
