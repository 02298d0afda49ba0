// The inner loops of the trained quantizers on one run of numbers, in one pass each: what they round to and the
// gradients of that. A NaN stays one.
#pragma once

#include <cstdint>

namespace qreason {

struct RunEnds {
  float low = 0, high = 0;
};
RunEnds ends_of(const float* x, std::int64_t count);  // count >= 1

struct RunCodes {
  float scale = 1, zero = 0, lowest = 0, highest = 0;  // codes lie in [lowest, highest]
};
// out = scale (clamp(round(x / scale) + zero) - zero), ties to even.
void round_run(const float* x, std::int64_t count, const RunCodes& codes, float* out);
// From the gradient g of `out`: gx = g where the clamp changes nothing, else 0. Returns the gradient of the scale.
float round_run_backward(const float* x, const float* g, std::int64_t count, const RunCodes& codes, float* gx);

void clip_run(const float* x, std::int64_t count, RunEnds ends, float* out);
// gx = g inside the ends, which count, else 0. Returns the gradients of the ends.
RunEnds clip_run_backward(const float* x, const float* g, std::int64_t count, RunEnds ends, float* gx);

// A run of weights between its ends times the ratios, and what it rounds to under the zero-range rule, symmetric, with
// codes up to `highest`; with their gradients (learned_quantizer.h): gx of x, returned those of the ratios.
void clip_weights(const float* x, std::int64_t count, RunEnds ratios, float* out);
RunEnds clip_weights_backward(const float* x, const float* g, std::int64_t count, RunEnds ratios, float* gx);
void round_weights(const float* x, std::int64_t count, float highest, float* out);
void round_weights_backward(const float* x, const float* g, std::int64_t count, float highest, float* gx);

// The share of an end's gradient that max(end, 0) (sign 1) or min(end, 0) (sign -1) hands on; at 0 both arguments have
// half.
float passed_by_zero(float end, float sign);
// Two rivals for a maximum: the greater has the gradient, equal ones half each.
float share_of(float own, float rival);

// Adds `gradient` to gx where x is `value`: shared by all such places, or to the first one alone.
void add_to_all(const float* x, std::int64_t count, float value, float gradient, float* gx);
void add_to_first(const float* x, std::int64_t count, float value, float gradient, float* gx);

}  // namespace qreason
