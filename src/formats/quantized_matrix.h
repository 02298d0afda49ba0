// A quantized weight matrix as numbers: what rounding passes produce, checkpoints store and kernels pack. One type for
// every format: integers, FP8, FP4, with plain scales or those of MXFP4, MXFP8 (OCP Microscaling Formats 1.0) and
// NVFP4.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "formats/quant_format.h"

namespace qreason {

// Row r, column c, g = group_of(c): value = scale(r, g) * (element(code) - zero(r, g)), in float32.
//   element   integers: the code itself; floats: the number whose bit pattern it is (formats/float_codecs.h)
//   zero      asymmetric integers: zeros[r, g]; symmetric ones: format.code_offset(); floats: 0
//   scale     scales[r, g]; NVFP4: scales[r, g] / global_scale, rounded to float32
struct QuantizedMatrix {
  QuantFormat format;                     // role kWeight
  std::int64_t rows = 0;                  // out
  std::int64_t columns = 0;               // in
  std::int64_t groups = 0;                // per row: 1 per channel; a shorter last group is allowed
  std::int64_t group_size = 0;            // columns of a group (columns itself when groups == 1)
  std::vector<std::uint8_t> codes;        // [rows, columns], one byte a code; symmetric codes plus format.code_offset()
  std::vector<float> scales;              // [rows, groups], each exactly a number of format.scale_type
  std::vector<std::uint8_t> zeros;        // [rows, groups], asymmetric only, else empty
  std::vector<std::int32_t> group_index;  // [columns], empty when it is c / group_size (GPTQ's g_idx otherwise)
  float global_scale = 1.0f;              // NVFP4: what scales were multiplied with; else 1

  std::int64_t group_of(std::int64_t column) const {
    return group_index.empty() ? column / group_size : group_index[static_cast<std::size_t>(column)];
  }
  // Of slot r * groups + g.
  float scale_of(std::int64_t slot) const { return scales[static_cast<std::size_t>(slot)] / global_scale; }
  float zero_of(std::int64_t slot) const;
};

// Columns that share a scale in rows of `columns`.
inline std::int64_t group_size_of(const QuantFormat& format, std::int64_t columns) {
  return format.granularity == Granularity::kGroup ? std::min<std::int64_t>(format.group_size, columns) : columns;
}

// Throws Error when sizes, codes, groups or scales contradict each other or the format, or when a code or scale stands
// for no finite number; `where` names the tensor.
void validate(const QuantizedMatrix& matrix, const char* where);
// The same without a look at the codes and scales: enough for reading memory safely.
void validate_layout(const QuantizedMatrix& matrix, const char* where);

// NVFP4's scale of a whole matrix: 448 * 6 / largest magnitude, so that the block of the largest value gets the largest
// E4M3 scale; 1 for an all-zero one. NaN and infinity are Errors.
float nvfp4_global_scale(std::span<const float> values);

// Rounds to nearest: every group's parameters by the reference quantizer, then every code. `weights` [rows, columns],
// format w, per channel or per group. Bit for bit what find_parameters and encode give; NVFP4: the scale of a group is
// E4M3(global_scale * largest magnitude / 6), at least 2^-9, 1 for an all-zero one. `global_scale`: NVFP4 only,
// computed from the weights when absent (linears that a consumer fuses share one). Without a pool
// the caller's thread does all.
QuantizedMatrix round_to_nearest(std::span<const float> weights, std::int64_t rows, std::int64_t columns,
                                 const QuantFormat& format, ThreadPool* pool = nullptr,
                                 std::optional<float> global_scale = std::nullopt);

// The float32 values of one row, out [columns].
void dequantize_row(const QuantizedMatrix& matrix, std::int64_t row, std::span<float> out);

}  // namespace qreason
