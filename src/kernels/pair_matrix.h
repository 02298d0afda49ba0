// Weights of the class of arithmetic `fast`, laid out as kernels/cpu/pair_storage.h says.
#pragma once

#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "formats/quantized_matrix.h"
#include "kernels/cpu/pair_storage.h"

namespace qreason {

// Row-major [rows, columns]; bfloat16 as bit patterns. The panels are laid out by `pool`, or by the caller's thread
// where it is null. Errors: sizes that contradict each other, codes wider than their format.
PackedMatrix pair_matrix(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                         ThreadPool* pool);
PackedMatrix pair_matrix(std::span<const float> values, std::int64_t rows, std::int64_t columns, ThreadPool* pool);
PackedMatrix pair_matrix(const QuantizedMatrix& matrix, ThreadPool* pool);

// Throws Error for an empty matrix and for one of another backend.
const PairStorage& pair_storage(const PackedMatrix& matrix);

// The float32 values of one row as they are held. out [columns].
void unpack_row(const PairStorage& storage, std::int64_t row, std::span<float> out);

}  // namespace qreason
