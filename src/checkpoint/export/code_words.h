// What the formats of packed integers share: words of codes as bytes, zero points, the order of columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/packed_words.h"
#include "formats/quantized_matrix.h"

namespace qreason {

// pack_words() into new bytes.
std::vector<std::byte> packed_bytes_of(std::span<const std::uint8_t> codes, std::int64_t rows, std::int64_t columns,
                                       int bits, const WordLayout& layout);

// Whether groups are other columns than neighbours: GPTQ's activation order without static groups.
bool is_ordered_by_activations(const QuantizedMatrix& matrix);

// Zero points [rows, groups] as codes; of a symmetric matrix the middle of the codes.
std::vector<std::uint8_t> zero_points(const QuantizedMatrix& matrix);

}  // namespace qreason
