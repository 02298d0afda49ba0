#include "kernels/packed_rows.h"

#include <cstring>

#include "kernels/packed_matrix.h"

namespace qreason {
namespace {

constexpr std::int64_t kLanes = PackedMatrix::kPanel;
// Strided sources are read this many columns or panels at a time, so that a row of them is met in long runs.
constexpr std::int64_t kRunPanels = 16;
// Below this many floats a second thread would come too late.
constexpr std::int64_t kSerialFloats = 1 << 15;

template <class Task>
void run_tasks(std::int64_t count, std::int64_t floats, Executor& executor, Task&& task) {
  if (floats >= kSerialFloats) return executor.run(count, task);
  for (std::int64_t i = 0; i < count; ++i) task(i);
}

std::size_t bytes_of(std::int64_t floats) {
  return static_cast<std::size_t>(floats) * sizeof(float);
}

// Up to 16 columns of up to 16 rows: column c goes to `to` + c * to_stride.
void transpose(const float* from, std::int64_t stride, std::int64_t rows, std::int64_t columns, float* to) {
  float square[kLanes][kLanes];
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) square[c][r] = from[r * stride + c];
  }
  for (std::int64_t c = 0; c < columns; ++c) std::memcpy(to + c * kColumnBlock, square[c], bytes_of(rows));
}

}  // namespace

void pack_rows(const float* from, std::int64_t stride, const RowTiles& tiles, float* to, Executor& executor) {
  run_tasks(tiles.tiles(), tiles.rows * tiles.columns, executor, [&](std::int64_t tile) {
    for (std::int64_t block = 0; block < tiles.blocks(); ++block) {
      const float* source = from + tiles.first_row(tile) * stride + block * kColumnBlock;
      float* out = to + tiles.offset(tile, block);
      for (std::int64_t r = 0; r < tiles.rows_of(tile); ++r) {
        std::memcpy(out + r * kColumnBlock, source + r * stride, bytes_of(tiles.columns_of(block)));
      }
    }
  });
}

void pack_transposed(const float* from, std::int64_t stride, const RowTiles& tiles, float* to, Executor& executor) {
  const std::int64_t run = kRunPanels;
  run_tasks((tiles.tiles() + run - 1) / run, tiles.rows * tiles.columns, executor, [&](std::int64_t task) {
    const std::int64_t end = std::min(tiles.tiles(), (task + 1) * run);
    for (std::int64_t k = 0; k < tiles.columns; k += kLanes) {
      const std::int64_t rows = std::min(kLanes, tiles.columns - k);
      for (std::int64_t tile = task * run; tile < end; ++tile) {
        transpose(from + k * stride + tiles.first_row(tile), stride, rows, tiles.rows_of(tile),
                  to + tiles.offset(tile, k / kColumnBlock) + k % kColumnBlock);
      }
    }
  });
}

void pack_panels(const float* from, std::int64_t stride, std::int64_t columns, std::int64_t outputs, float* to,
                 Executor& executor) {
  const std::int64_t panels = (outputs + kLanes - 1) / kLanes;
  run_tasks((panels + kRunPanels - 1) / kRunPanels, columns * outputs, executor, [&](std::int64_t task) {
    const std::int64_t end = std::min(panels, (task + 1) * kRunPanels);
    for (std::int64_t k = 0; k < columns; ++k) {
      for (std::int64_t panel = task * kRunPanels; panel < end; ++panel) {
        const std::int64_t lanes = std::min(kLanes, outputs - panel * kLanes);
        float* out = to + (panel * columns + k) * kLanes;
        std::memcpy(out, from + k * stride + panel * kLanes, bytes_of(lanes));
        std::memset(out + lanes, 0, bytes_of(kLanes - lanes));
      }
    }
  });
}

void pack_transposed_panels(const float* from, std::int64_t stride, std::int64_t columns, std::int64_t outputs,
                            float* to, Executor& executor) {
  const std::int64_t panels = (outputs + kLanes - 1) / kLanes;
  run_tasks(panels, columns * outputs, executor, [&](std::int64_t panel) {
    const std::int64_t lanes = std::min(kLanes, outputs - panel * kLanes);
    const float* rows = from + panel * kLanes * stride;
    float* out = to + panel * columns * kLanes;
    for (std::int64_t first = 0; first < columns; first += kLanes) {
      const std::int64_t count = std::min(kLanes, columns - first);
      float square[kLanes][kLanes] = {};
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        for (std::int64_t k = 0; k < count; ++k) square[k][lane] = rows[lane * stride + first + k];
      }
      std::memcpy(out + first * kLanes, square, bytes_of(count * kLanes));
    }
  });
}

}  // namespace qreason
