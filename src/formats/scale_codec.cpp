#include "formats/scale_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "formats/float_codecs.h"

namespace qreason {
namespace {

static_assert(std::endian::native == std::endian::little);

std::uint32_t encode(float scale, ScaleType type) {
  switch (type) {
    case ScaleType::kFloat32:
      return std::bit_cast<std::uint32_t>(scale);
    case ScaleType::kFloat16:
      return encode_float16(scale);
    case ScaleType::kBFloat16:
      return encode_bfloat16(scale);
    case ScaleType::kE4M3:
      return encode_e4m3(scale);
    case ScaleType::kE8M0:
      // ilogb of 0, infinity and NaN are far outside, on either side.
      return static_cast<std::uint32_t>(std::clamp(std::ilogb(scale), -127, 127) + 127);
  }
  throw Error("scale type", fmt::format("the value {}", static_cast<int>(type)), "one of the enumerators");
}

float decode(std::uint32_t bits, ScaleType type) {
  switch (type) {
    case ScaleType::kFloat32:
      return std::bit_cast<float>(bits);
    case ScaleType::kFloat16:
      return decode_float16(static_cast<std::uint16_t>(bits));
    case ScaleType::kBFloat16:
      return decode_bfloat16(static_cast<std::uint16_t>(bits));
    case ScaleType::kE4M3:
      return decode_e4m3(static_cast<std::uint8_t>(bits));
    case ScaleType::kE8M0:
      return decode_e8m0(static_cast<std::uint8_t>(bits));
  }
  throw Error("scale type", fmt::format("the value {}", static_cast<int>(type)), "one of the enumerators");
}

void check_room(std::size_t bytes, std::size_t scales, ScaleType type) {
  if (bytes == scales * scale_bytes(type)) return;
  throw Error("scales", fmt::format("{} bytes for {} of them", bytes, scales),
              fmt::format("{} bytes each", scale_bytes(type)));
}

}  // namespace

std::size_t scale_bytes(ScaleType type) {
  if (type == ScaleType::kFloat32) return 4;
  return type == ScaleType::kFloat16 || type == ScaleType::kBFloat16 ? 2 : 1;
}

float stored_scale(float scale, ScaleType type) {
  return type == ScaleType::kFloat32 ? scale : decode(encode(scale, type), type);
}

void encode_scales(std::span<const float> scales, ScaleType type, std::span<std::byte> bytes) {
  check_room(bytes.size(), scales.size(), type);
  if (scales.empty()) return;
  if (type == ScaleType::kFloat32) {
    std::memcpy(bytes.data(), scales.data(), bytes.size());
    return;
  }
  const std::size_t width = scale_bytes(type);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const std::uint32_t bits = encode(scales[i], type);
    std::memcpy(bytes.data() + i * width, &bits, width);
  }
}

void decode_scales(std::span<const std::byte> bytes, ScaleType type, std::span<float> scales) {
  check_room(bytes.size(), scales.size(), type);
  if (scales.empty()) return;
  if (type == ScaleType::kFloat32) {
    std::memcpy(scales.data(), bytes.data(), bytes.size());
    return;
  }
  const std::size_t width = scale_bytes(type);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * width, width);
    scales[i] = decode(bits, type);
  }
}

}  // namespace qreason
