#include "formats/float_codecs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace qreason {
namespace {

struct MiniFloat {
  int mantissa_bits;
  int bias;
  int largest_code;  // of the largest finite value, without sign
  float largest;
  int sign_shift;
};

constexpr MiniFloat kE4M3{.mantissa_bits = 3, .bias = 7, .largest_code = 0x7E, .largest = 448.0f, .sign_shift = 7};
constexpr MiniFloat kE5M2{.mantissa_bits = 2, .bias = 15, .largest_code = 0x7B, .largest = 57344.0f, .sign_shift = 7};
constexpr MiniFloat kBinary16{
    .mantissa_bits = 10, .bias = 15, .largest_code = 0x7BFF, .largest = 65504.0f, .sign_shift = 15};
constexpr MiniFloat kE2M1{.mantissa_bits = 1, .bias = 1, .largest_code = 0x7, .largest = 6.0f, .sign_shift = 3};

// The code of a finite magnitude, without sign.
int encode_magnitude(float magnitude, const MiniFloat& format) {
  if (magnitude >= format.largest) return format.largest_code;
  const int smallest_exponent = 1 - format.bias;
  // A float32 subnormal has a stored exponent of 0, which is below every smallest exponent here.
  const int exponent =
      std::max(static_cast<int>(std::bit_cast<std::uint32_t>(magnitude) >> 23) - 127, smallest_exponent);
  const float steps = std::nearbyint(std::ldexp(magnitude, format.mantissa_bits - exponent));
  // In units of the last place of its binade, below the largest value; rounding up to the next binade carries into the
  // exponent field by itself, and a subnormal (steps below 2^mantissa_bits) lands in exponent field 0.
  return ((exponent + format.bias) << format.mantissa_bits) + static_cast<int>(steps) - (1 << format.mantissa_bits);
}

int sign_of(float value, const MiniFloat& format) {
  return std::signbit(value) ? 1 << format.sign_shift : 0;
}

float decode_finite(int code, const MiniFloat& format) {
  const int magnitude = code & ((1 << format.sign_shift) - 1);
  const int field = magnitude >> format.mantissa_bits;
  const int mantissa = magnitude & ((1 << format.mantissa_bits) - 1);
  const int steps = field == 0 ? mantissa : mantissa + (1 << format.mantissa_bits);
  const float value = std::ldexp(static_cast<float>(steps), std::max(field, 1) - format.bias - format.mantissa_bits);
  return (code >> format.sign_shift & 1) != 0 ? -value : value;
}

float signed_value(std::uint8_t code, float magnitude) {
  return (code & 0x80) != 0 ? -magnitude : magnitude;
}

}  // namespace

std::uint8_t encode_e4m3(float value) {
  const int sign = sign_of(value, kE4M3);
  if (std::isnan(value)) return static_cast<std::uint8_t>(sign | 0x7F);
  return static_cast<std::uint8_t>(sign | encode_magnitude(std::abs(value), kE4M3));
}

float decode_e4m3(std::uint8_t code) {
  if ((code & 0x7F) == 0x7F) return signed_value(code, std::numeric_limits<float>::quiet_NaN());
  return decode_finite(code, kE4M3);
}

std::uint8_t encode_e5m2(float value) {
  const int sign = sign_of(value, kE5M2);
  if (std::isnan(value)) return static_cast<std::uint8_t>(sign | 0x7F);
  if (std::isinf(value)) return static_cast<std::uint8_t>(sign | 0x7C);
  return static_cast<std::uint8_t>(sign | encode_magnitude(std::abs(value), kE5M2));
}

float decode_e5m2(std::uint8_t code) {
  const int magnitude = code & 0x7F;
  if (magnitude > 0x7C) return signed_value(code, std::numeric_limits<float>::quiet_NaN());
  if (magnitude == 0x7C) return signed_value(code, std::numeric_limits<float>::infinity());
  return decode_finite(code, kE5M2);
}

std::uint8_t encode_e2m1(float value) {
  if (std::isnan(value)) return 0;
  return static_cast<std::uint8_t>(sign_of(value, kE2M1) | encode_magnitude(std::abs(value), kE2M1));
}

float decode_e2m1(std::uint8_t code) {
  return decode_finite(code & 0xF, kE2M1);
}

float decode_e8m0(std::uint8_t code) {
  if (code == 0xFF) return std::numeric_limits<float>::quiet_NaN();
  return std::ldexp(1.0f, static_cast<int>(code) - 127);
}

std::uint16_t encode_float16(float value) {
  constexpr float kFirstThatRoundsToInfinity = 65520.0f;
  const int sign = sign_of(value, kBinary16);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7E00);
  const float magnitude = std::abs(value);
  const int code = magnitude >= kFirstThatRoundsToInfinity ? 0x7C00 : encode_magnitude(magnitude, kBinary16);
  return static_cast<std::uint16_t>(sign | code);
}

float decode_float16(std::uint16_t bits) {
  const int magnitude = bits & 0x7FFF;
  if (magnitude < 0x7C00) return decode_finite(bits, kBinary16);
  const float value =
      magnitude == 0x7C00 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  return (bits & 0x8000) != 0 ? -value : value;
}

std::uint16_t encode_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

float decode_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint8_t encode_float_code(float value, NumberKind kind) {
  switch (kind) {
    case NumberKind::kFp8E4M3:
      return encode_e4m3(value);
    case NumberKind::kFp8E5M2:
      return encode_e5m2(value);
    case NumberKind::kFp4E2M1:
      return encode_e2m1(value);
    case NumberKind::kInteger:
      break;
  }
  throw Error("number format", "an integer format", "a float format");
}

float decode_float_code(std::uint8_t code, NumberKind kind) {
  switch (kind) {
    case NumberKind::kFp8E4M3:
      return decode_e4m3(code);
    case NumberKind::kFp8E5M2:
      return decode_e5m2(code);
    case NumberKind::kFp4E2M1:
      return decode_e2m1(code);
    case NumberKind::kInteger:
      break;
  }
  throw Error("number format", "an integer format", "a float format");
}

float largest_value(NumberKind kind) {
  switch (kind) {
    case NumberKind::kFp8E4M3:
      return kE4M3.largest;
    case NumberKind::kFp8E5M2:
      return kE5M2.largest;
    case NumberKind::kFp4E2M1:
      return kE2M1.largest;
    case NumberKind::kInteger:
      break;
  }
  throw Error("number format", "an integer format", "a float format");
}

int first_code_not_finite(NumberKind kind) {
  switch (kind) {
    case NumberKind::kFp8E4M3:
      return 0x7F;
    case NumberKind::kFp8E5M2:
      return 0x7C;
    case NumberKind::kFp4E2M1:
      return 0x80;
    case NumberKind::kInteger:
      break;
  }
  throw Error("number format", "an integer format", "a float format");
}

std::span<const float, 256> element_values(NumberKind kind) {
  using Table = std::array<float, 256>;
  static const std::array<Table, 4> tables = [] {
    std::array<Table, 4> made;
    for (std::size_t k = 0; k < made.size(); ++k) {
      const auto of = static_cast<NumberKind>(k);
      for (int code = 0; code < 256; ++code) {
        made[k][static_cast<std::size_t>(code)] = of == NumberKind::kInteger
                                                      ? static_cast<float>(code)
                                                      : decode_float_code(static_cast<std::uint8_t>(code), of);
      }
    }
    return made;
  }();
  return tables[static_cast<std::size_t>(kind)];
}

}  // namespace qreason
