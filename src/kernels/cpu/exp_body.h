// exp over lanes, the same on every instruction set with fused multiply-add. At most 2 ulp from the true value over the
// whole range, subnormal results and infinities included; NaN stays NaN.
//
// x = n ln 2 + r with |r| <= ln 2 / 2; exp(r) by its Taylor polynomial of degree 7 (the first term left out is below
// 0.35^8 / 8! = 6e-9 relative, a tenth of half an ulp), and 2^n in two steps, so that neither factor leaves the normal
// numbers.
#pragma once

#include "kernels/cpu/lanes.h"

namespace qreason {
namespace {

// 2^n for a whole n held as float, -126 <= n <= 127.
template <class L>
inline typename L::V power_of_two(typename L::V n) {
  // n + 2^23 + 127 has n + 127 in its low bits, which become the exponent.
  const typename L::V biased = L::add(n, L::set(0x1p23f + 127.0f));
  return L::as_floats(L::shift_left(L::as_words(biased), 23));
}

template <class L>
inline typename L::V exp_lanes(typename L::V x) {
  using V = typename L::V;
  constexpr float kLog2E = 1.44269504088896341f;
  // ln 2 in two parts; the high one has 9 bits, so that n times it is exact.
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440054690583e-4f;
  // Beyond these the result is 0 or infinity; the operand order keeps a NaN.
  const V bounded = L::min(L::set(89.0f), L::max(L::set(-104.0f), x));
  const V n = L::round(L::mul(bounded, L::set(kLog2E)));
  V r = L::fma(n, L::set(-kLn2High), bounded);
  r = L::fma(n, L::set(-kLn2Low), r);
  V p = L::set(1.0f / 5040);
  p = L::fma(p, r, L::set(1.0f / 720));
  p = L::fma(p, r, L::set(1.0f / 120));
  p = L::fma(p, r, L::set(1.0f / 24));
  p = L::fma(p, r, L::set(1.0f / 6));
  p = L::fma(p, r, L::set(0.5f));
  p = L::fma(p, r, L::set(1.0f));
  p = L::fma(p, r, L::set(1.0f));
  const V half = L::round(L::mul(n, L::set(0.5f)));
  return L::mul(L::mul(p, power_of_two<L>(half)), power_of_two<L>(L::sub(n, half)));
}

}  // namespace
}  // namespace qreason
