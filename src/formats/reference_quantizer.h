// The one reference quantizer: scalar, float32, written from the formulas of methods.md section 1. Every kernel on
// every instruction set and device is compared with it code for code.
#pragma once

#include <cstdint>
#include <span>

#include "formats/quant_format.h"

namespace qreason {

// Scale and zero point of one group. `zero` is a whole number held as float; 0 for symmetric integers and float
// formats.
struct GroupParameters {
  float scale = 1.0f;
  float zero = 0.0f;
  bool operator==(const GroupParameters&) const = default;
};

struct Range {
  float low = 0.0f;
  float high = 0.0f;
};

// What the ends of a range are multiplied by under the token-range rule; (0, 1] each.
struct ClipRatios {
  float low = 1.0f;
  float high = 1.0f;
};

// What the token-range rule makes of a range: with 0 inside, each end multiplied by its clip ratio, or both by that of
// the format.
Range token_range(Range range, ClipRatios clip);
Range token_range(Range range, const QuantFormat& format);

// Scale and zero for a given range under the format's rule (floor, rounding and clipping of zero included).
GroupParameters parameters_of_range(Range range, const QuantFormat& format, float global_scale = 1.0f);

// The parameters of a group by the format's rule, MSE search and clip ratio included. NaN or infinity in the group is
// an Error, as are an empty group and an asymmetric one whose span overflows float32. All-zero and single-element
// groups follow the rule's text. Where a rule has no floor and the scale would round to 0, the group counts as
// all-zero. Float formats: largest magnitude / largest value of the format (all-zero: 1). E8M0 scales: the MX rule.
// E4M3 scales (NVFP4): that times the global scale, rounded to E4M3, at least 2^-9, over the global scale, which is a
// positive number and of no meaning to other formats.
// float16 and bfloat16 scales are rounded before anything is made of them; one that they cannot hold is an Error.
GroupParameters find_parameters(std::span<const float> group, const QuantFormat& format, float global_scale = 1.0f);

// The candidate of step 0..79 of the MSE search (zero-range rule): the range times (float)(1 - step / 100), its scale
// without the floor. A scale of 0 (a span too small to shrink) stands for no candidate.
inline constexpr int kSearchSteps = 80;
GroupParameters shrunk_parameters(Range range, int step, const QuantFormat& format);

// Integer formats: the code (symmetric: -(Q+1)..Q, asymmetric: 0..Q). Float formats: the bit pattern.
// Values beyond the range saturate, infinities included. NaN has the code of zero in integer and E2M1 formats, the
// format's NaN in FP8.
int encode(float value, GroupParameters parameters, const QuantFormat& format);
float decode(int code, GroupParameters parameters, const QuantFormat& format);

// decode(encode(v)) of every element of a group with its own parameters: what "fake quantization" means.
void quantize_dequantize(std::span<const float> group, const QuantFormat& format, std::span<float> out,
                         float global_scale = 1.0f);

}  // namespace qreason
