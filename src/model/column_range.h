// A part of a quantized matrix, for the shards of row-parallel linears.
#pragma once

#include "formats/quantized_matrix.h"

namespace qreason {

// Columns [first, first + count) with the scales of their groups: the same values. A group index says which group a
// column is in where that does not follow from the group size any more.
QuantizedMatrix column_range(const QuantizedMatrix& matrix, std::int64_t first, std::int64_t count);

}  // namespace qreason
