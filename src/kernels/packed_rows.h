// The left operand of a product, packed for tiles: rows in tiles of nearly equal size (at most tile_rows), columns in
// blocks of kColumnBlock, a block's tiles after each other, each [tile_rows, kColumnBlock]. What tiles read is then one
// stream, whatever the strides of the source were.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/executor.h"
#include "kernels/matmul.h"

namespace qreason {

struct RowTiles {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t tile_rows = 1;  // of the instruction set

  std::int64_t tiles() const { return (rows + tile_rows - 1) / tile_rows; }
  std::int64_t blocks() const { return (columns + kColumnBlock - 1) / kColumnBlock; }
  std::int64_t first_row(std::int64_t tile) const {
    const std::int64_t few = rows / tiles(), longer = rows % tiles();
    return tile * few + std::min(tile, longer);
  }
  std::int64_t rows_of(std::int64_t tile) const { return first_row(tile + 1) - first_row(tile); }
  std::int64_t columns_of(std::int64_t block) const { return std::min(kColumnBlock, columns - block * kColumnBlock); }
  std::int64_t floats() const { return tiles() * blocks() * tile_rows * kColumnBlock; }
  std::int64_t offset(std::int64_t tile, std::int64_t block) const {
    return (block * tiles() + tile) * tile_rows * kColumnBlock;
  }
};

// Row-major [rows, columns] (stride in floats) as it stands.
void pack_rows(const float* from, std::int64_t stride, const RowTiles& tiles, float* to, Executor& executor);

// Row-major [columns, rows]: its columns become the rows.
void pack_transposed(const float* from, std::int64_t stride, const RowTiles& tiles, float* to, Executor& executor);

// The right operand, row-major [columns, outputs], as panels of 16 outputs: element (k, lane) of a panel at k * 16 +
// lane, zeros past the last output.
void pack_panels(const float* from, std::int64_t stride, std::int64_t columns, std::int64_t outputs, float* to,
                 Executor& executor);

// The same from row-major [outputs, columns].
void pack_transposed_panels(const float* from, std::int64_t stride, std::int64_t columns, std::int64_t outputs,
                            float* to, Executor& executor);

}  // namespace qreason
