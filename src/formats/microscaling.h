// Matrices of small floats with a scale per block: MXFP4 and MXFP8 (E8M0 scale per 32, OCP Microscaling Formats 1.0)
// and NVFP4 (E4M3 scale per 16 and one float32 scale for the whole matrix). Reference code: scalar, written from the
// rules.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "formats/quant_format.h"

namespace qreason {

// Row r, column c, block b = c / format.group_size:
//   MX     value = element(code) * 2^(scale - 127)
//   NVFP4  value = element(code) * (e4m3(scale) / global_scale)
struct MicroscaledMatrix {
  QuantFormat format;  // scale type kE8M0 or kE4M3
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t blocks = 0;           // per row; a shorter last block is allowed
  std::vector<std::uint8_t> codes;   // [rows, columns], one byte a code
  std::vector<std::uint8_t> scales;  // [rows, blocks], E8M0 or E4M3 bit patterns
  float global_scale = 1.0f;         // NVFP4: what scales were multiplied with; 1 for MX
};

// NVFP4's scale of a whole matrix: 448 * 6 / largest magnitude, so that the block of the largest value gets the largest
// E4M3 scale; 1 for an all-zero one. NaN and infinity are Errors.
float nvfp4_global_scale(std::span<const float> values);

// Rounds `values` [rows, columns]. `global_scale`: NVFP4 only, computed from the values when absent (linears that a
// consumer fuses share one). An all-zero block has scale 1. NaN and infinity are Errors.
MicroscaledMatrix quantize_microscaled(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                                       const QuantFormat& format, std::optional<float> global_scale = std::nullopt);

// Throws Error when sizes, codes or scales contradict each other (an E8M0 or E4M3 NaN among them); `where` names it.
void validate(const MicroscaledMatrix& matrix, const char* where);

// The float32 values of one row, out [columns].
void dequantize_row(const MicroscaledMatrix& matrix, std::int64_t row, std::span<float> out);

}  // namespace qreason
