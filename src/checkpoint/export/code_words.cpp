#include "checkpoint/export/code_words.h"

#include <cstring>

namespace qreason {

std::vector<std::byte> packed_bytes_of(std::span<const std::uint8_t> codes, std::int64_t rows, std::int64_t columns,
                                       int bits, const WordLayout& layout) {
  const WordShape shape = word_shape(layout, bits, rows, columns);
  std::vector<std::uint32_t> words(static_cast<std::size_t>(shape.rows * shape.columns));
  pack_words(codes, rows, columns, bits, layout, words);
  std::vector<std::byte> bytes(words.size() * sizeof(std::uint32_t));
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

bool is_ordered_by_activations(const QuantizedMatrix& matrix) {
  for (std::int64_t column = 0; column < matrix.columns; ++column) {
    if (matrix.group_of(column) != column / matrix.group_size) return true;
  }
  return false;
}

std::vector<std::uint8_t> zero_points(const QuantizedMatrix& matrix) {
  if (!matrix.zeros.empty()) return matrix.zeros;
  return std::vector<std::uint8_t>(matrix.scales.size(), static_cast<std::uint8_t>(matrix.format.code_offset()));
}

}  // namespace qreason
