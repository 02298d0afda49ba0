// x^2.4 for the range search of methods.md section 1: float32, the same bits on every machine and in every translation
// unit (no libm, no fused operations), and short enough to be vectorized (formats/group_kernels_body.inc).
//
// x = m 2^e with m in [1, 2), e = 5 q + r: x^2.4 = x^2 * m^0.4 * 2^(0.4 r) * 2^(2 q). m^0.4 is a minimax polynomial of
// degree 8 about 1.5 (relative error 3.4e-9 before rounding). Within 4 units in the last place of the exact value
// wherever x^2 and the result are normal; 0 at 0 and below about 1e-23, where x^2 vanishes.
#pragma once

#include <bit>
#include <cstdint>

namespace qreason {

inline constexpr float kPowerCoefficients[9] = {
    0x1.2d13840000000p+0f,  0x1.4125de0000000p-2f,  -0x1.00ead80000000p-4f,
    0x1.6d73ae0000000p-6f,  -0x1.3ce1aa0000000p-7f, 0x1.2ccae60000000p-8f,
    -0x1.2f76c40000000p-9f, 0x1.8d5c160000000p-10f, -0x1.d53a700000000p-11f};
// 2^(0.4 r)
inline constexpr float kPowerRoots[5] = {1.0f, 0x1.51cb460000000p+0f, 0x1.bdb8ce0000000p+0f, 0x1.2611180000000p+1f,
                                         0x1.8406000000000p+1f};

inline float power_2_4(float x) {
  const auto bits = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(x));
  const float t = std::bit_cast<float>((bits & 0x007fffff) | 0x3f800000) - 1.5f;
  float y = kPowerCoefficients[8];
  for (int i = 7; i >= 0; --i) y = y * t + kPowerCoefficients[i];
  // The stored exponent is e + 127, so this is 5 (q + 26) + r: the quotient is taken of a number that is not negative.
  // 205 / 2^10 is close enough to 1 / 5 below 260.
  const std::int32_t shifted = (bits >> 23) + 3;
  const std::int32_t quotient = (shifted * 205) >> 10;
  const float root = kPowerRoots[shifted - 5 * quotient];
  const float power = std::bit_cast<float>((2 * (quotient - 26) + 127) << 23);
  return x * x * (y * root * power);
}

}  // namespace qreason
