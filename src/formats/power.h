// x^2.4 for the range search of methods.md section 1: float32, the same bits on every machine and in every translation
// unit (no libm, no tables, no fused operations), and short enough to be vectorized.
//
// x = m 2^e with m in [1, 2): x^2.4 = x^2 * m^0.4 * 2^(0.4 r) * 2^(2 q) with e = 5 q + r. m^0.4 is a minimax polynomial
// of degree 8 about 1.5 (relative error 3.4e-9 before rounding). Within 4 units in the last place of the exact value
// wherever x^2 and the result are normal; 0 at 0, and below 1e-19, where x^2 leaves the normal numbers.
#pragma once

#include <bit>
#include <cstdint>

namespace qreason {

[[gnu::always_inline]] inline float power_2_4(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const float t = std::bit_cast<float>((bits & 0x007fffffu) | 0x3f800000u) - 1.5f;
  float y = -0x1.d53a700000000p-11f;
  y = y * t + 0x1.8d5c160000000p-10f;
  y = y * t + -0x1.2f76c40000000p-9f;
  y = y * t + 0x1.2ccae60000000p-8f;
  y = y * t + -0x1.3ce1aa0000000p-7f;
  y = y * t + 0x1.6d73ae0000000p-6f;
  y = y * t + -0x1.00ead80000000p-4f;
  y = y * t + 0x1.4125de0000000p-2f;
  y = y * t + 0x1.2d13840000000p+0f;
  // e + 130 = 5 (q + 26) + r, so that the quotient is taken of a positive number; 205 / 2^10 is exact enough below 260.
  const std::int32_t shifted = static_cast<std::int32_t>(bits >> 23) + 3;
  const std::int32_t quotient = (shifted * 205) >> 10;
  const std::int32_t r = shifted - 5 * quotient;
  float root = 1.0f;
  root = r == 1 ? 0x1.51cb460000000p+0f : root;
  root = r == 2 ? 0x1.bdb8ce0000000p+0f : root;
  root = r == 3 ? 0x1.2611180000000p+1f : root;
  root = r == 4 ? 0x1.8406000000000p+1f : root;
  const float power = std::bit_cast<float>((2 * (quotient - 26) + 127) << 23);
  return x * x * (y * root * power);
}

}  // namespace qreason
