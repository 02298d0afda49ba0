// Scalar codecs of the small float formats (bit patterns in the low bits of a byte) and of the 16-bit ones.
//
//   FP8 E4M3 ("fn": bias 7, no infinity, NaN 0x7F and 0xFF, largest 448)
//   FP8 E5M2 (bias 15, infinities, NaNs, largest finite 57344)
//   FP4 E2M1 (bias 1, no infinity, no NaN: 0 .5 1 1.5 2 3 4 6 and their negatives)
//   E8M0     (a scale: 2^(code - 127), NaN 0xFF)
//
// Encoding rounds to nearest, ties to even, and saturates: finite values beyond the largest become the largest.
// Infinity becomes the largest where the format has no infinity. NaN becomes 0x7F (with the sign), in E2M1 a zero. Open
// Compute Project: 8-bit Floating Point Specification (2023), Microscaling Formats Specification (2023). The 16-bit
// formats (IEEE binary16, bfloat16) round to nearest, ties to even, and beyond the largest to infinity.
#pragma once

#include <cstdint>
#include <span>

#include "formats/quant_format.h"

namespace qreason {

std::uint8_t encode_e4m3(float value);
float decode_e4m3(std::uint8_t code);

std::uint8_t encode_e5m2(float value);
float decode_e5m2(std::uint8_t code);

std::uint8_t encode_e2m1(float value);
float decode_e2m1(std::uint8_t code);  // low 4 bits

// 2^(code - 127); code 0 is the float32 subnormal 2^-127, 255 is NaN.
float decode_e8m0(std::uint8_t code);

std::uint16_t encode_float16(float value);
float decode_float16(std::uint16_t bits);

std::uint16_t encode_bfloat16(float value);
float decode_bfloat16(std::uint16_t bits);

// By kind; an Error for integers.
std::uint8_t encode_float_code(float value, NumberKind kind);
float decode_float_code(std::uint8_t code, NumberKind kind);
// 448, 57344, 6.
float largest_value(NumberKind kind);
// The codes from this one up, without the sign, are not finite: 0x7F in E4M3, 0x7C in E5M2, none (0x80) in E2M1.
int first_code_not_finite(NumberKind kind);

// The element that each code stands for, by code: for integers the code itself, for floats its decoded value (E2M1 by
// the low 4 bits).
std::span<const float, 256> element_values(NumberKind kind);

}  // namespace qreason
