// Weights on a device: floats as they are, codes packed at their own width, expanded where a product needs them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "formats/quantized_matrix.h"
#include "kernels/packed_matrix.h"

namespace qreason {

struct TensorWeight : PackedMatrix::Storage {
  using Storage::Storage;
  std::uint64_t bytes() const override;

  at::Tensor values;       // [rows, columns] float32 or bfloat16; or
  at::Tensor codes;        // uint8 [rows, packed_bytes]
  at::Tensor scales;       // float32 [rows, groups]
  at::Tensor zeros;        // the same, of integers
  at::Tensor group_index;  // int64 [columns], where columns are not groups side by side
  NumberKind number = NumberKind::kInteger;
  int bits = 0;
  std::int64_t group_size = 0;
};

PackedMatrix place_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns, at::Device device);
PackedMatrix place_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                            at::Device device);
PackedMatrix place_quantized(const QuantizedMatrix& matrix, at::Device device);

// An Error for a weight of another backend.
const TensorWeight& tensor_weight(const PackedMatrix& matrix);

// float32 [rows, columns] of all rows, or of some: the numbers that the codes stand for, exactly.
at::Tensor expanded(const TensorWeight& weight);
at::Tensor expanded_rows(const TensorWeight& weight, const at::Tensor& rows);

}  // namespace qreason
