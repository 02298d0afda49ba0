// Scales of quantized groups as their type stores them. A scale lives in memory as the float32 of exactly that value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "formats/quant_format.h"

namespace qreason {

// Bytes of one stored scale: 4, 2, 2, 1, 1.
std::size_t scale_bytes(ScaleType type);

// `scale` rounded to float32, float16, bfloat16 or E4M3 (nearest, ties to even); E8M0 to the power of two at or below
// it. What the 16-bit types cannot hold becomes infinite or zero, which callers must meet.
float stored_scale(float scale, ScaleType type);

// Little-endian bit patterns, scale_bytes(type) each; decoding gives the same values back for scales that are
// stored_scale() of themselves. `bytes` must have room for just these.
void encode_scales(std::span<const float> scales, ScaleType type, std::span<std::byte> bytes);
void decode_scales(std::span<const std::byte> bytes, ScaleType type, std::span<float> scales);

}  // namespace qreason
