// A quantized weight matrix as numbers: what rounding passes produce, checkpoints store and kernels pack.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "formats/quant_format.h"

namespace qreason {

// Row r, column c: value = scale(r, g) * (code - zero(r, g)) with g = group_of(c), in float32.
struct QuantizedMatrix {
  QuantFormat format;                     // role kWeight, integer kind
  std::int64_t rows = 0;                  // out
  std::int64_t columns = 0;               // in
  std::int64_t groups = 0;                // per row: 1 per channel; a shorter last group is allowed
  std::int64_t group_size = 0;            // columns of a group (columns itself when groups == 1)
  std::vector<std::uint8_t> codes;        // [rows, columns], one byte a code; symmetric codes plus format.code_offset()
  std::vector<float> scales;              // [rows, groups]
  std::vector<std::uint8_t> zeros;        // [rows, groups], asymmetric only, else empty
  std::vector<std::int32_t> group_index;  // [columns], empty when it is c / group_size (GPTQ's g_idx otherwise)

  std::int64_t group_of(std::int64_t column) const {
    return group_index.empty() ? column / group_size : group_index[static_cast<std::size_t>(column)];
  }
};

// Throws Error when sizes, codes, groups or scales contradict each other; `where` names the tensor.
void validate(const QuantizedMatrix& matrix, const char* where);

// Rounds to nearest: every group's parameters by the reference quantizer, then every code. `weights` [rows, columns],
// format w, integers, per channel or per group. Bit for bit what find_parameters and encode give. Without a pool the
// caller's thread does all.
QuantizedMatrix round_to_nearest(std::span<const float> weights, std::int64_t rows, std::int64_t columns,
                                 const QuantFormat& format, ThreadPool* pool = nullptr);

// The float32 values of one row, out [columns].
void dequantize_row(const QuantizedMatrix& matrix, std::int64_t row, std::span<float> out);

}  // namespace qreason
