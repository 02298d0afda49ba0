#include <algorithm>
#include <cstring>

#include "kernels/cpu/matmul_kernels.h"
#include "kernels/matmul.h"
#include "kernels/packed_rows.h"

namespace qreason {
namespace {

// Summed before the result is touched once; a fixed split of the sum, so that memory for the packed operands is
// bounded.
constexpr std::int64_t kMostSummed = 4 * kColumnBlock;
constexpr std::int64_t kTaskTiles = 20;

thread_local ScratchFloats left_scratch;
thread_local ScratchFloats right_scratch;
thread_local ScratchFloats totals_scratch;

// One task: tiles [first_tile, end_tile) times panels [first_panel, first_panel + panels), summed over all blocks.
struct Share {
  std::int64_t first_tile = 0;
  std::int64_t end_tile = 0;
  std::int64_t first_panel = 0;
  std::int64_t panels = 0;
};

struct Operands {
  RowTiles tiles;
  const float* left = nullptr;
  const float* right = nullptr;  // panels [columns, 16]
};

// Where a share's sums will go is fetched ahead, tile by tile: its rows are far apart.
void fetch_ahead(const float* to, std::int64_t stride, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kLineFloats = 16;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; c += kLineFloats) __builtin_prefetch(to + r * stride + c, 1, 2);
    __builtin_prefetch(to + r * stride + columns - 1, 1, 2);
  }
}

// The sums of a share, [rows of its tiles, panels * 16], on their way to `finish`.
Finish sum_share(const MatmulKernels& kernels, const Operands& operands, const Share& share, Finish finish) {
  const RowTiles& tiles = operands.tiles;
  const std::int64_t first_row = tiles.first_row(share.first_tile);
  const std::int64_t rows = tiles.first_row(share.end_tile) - first_row, stride = share.panels * kPanelLanes;
  float* totals = totals_scratch.need(static_cast<std::size_t>(rows * stride));
  for (std::int64_t block = 0; block < tiles.blocks(); ++block) {
    for (std::int64_t tile = share.first_tile; tile < share.end_tile; ++tile) {
      if (block + 1 == tiles.blocks()) {
        float* to = finish.y + (tiles.first_row(tile) - first_row) * finish.y_stride;
        fetch_ahead(to, finish.y_stride, tiles.rows_of(tile), finish.columns);
      }
      kernels.tile({.a = operands.left + tiles.offset(tile, block),
                    .rows = static_cast<int>(tiles.rows_of(tile)),
                    .w = operands.right + (share.first_panel * tiles.columns + block * kColumnBlock) * kPanelLanes,
                    .panel_stride = tiles.columns * kPanelLanes,
                    .panels = share.panels,
                    .columns = tiles.columns_of(block),
                    .totals = totals + (tiles.first_row(tile) - first_row) * stride,
                    .totals_stride = stride,
                    .store = block == 0 ? MatmulStore::kOverwrite : MatmulStore::kAdd});
    }
  }
  finish.totals = totals;
  finish.totals_stride = stride;
  finish.rows = rows;
  return finish;
}

// Row-major [rows, columns] into panels of 16 columns each: panel p holds element (row, lane) at row * 16 + lane.
void pack_panels(const float* from, std::int64_t stride, const RowTiles& tiles, std::int64_t outputs, float* to,
                 ThreadPool& pool) {
  pool.run((outputs + kPanelLanes - 1) / kPanelLanes, [&](std::int64_t panel) {
    const auto lanes = static_cast<std::size_t>(std::min(kPanelLanes, outputs - panel * kPanelLanes));
    float* out = to + panel * tiles.columns * kPanelLanes;
    for (std::int64_t k = 0; k < tiles.columns; ++k, out += kPanelLanes) {
      std::memcpy(out, from + k * stride + panel * kPanelLanes, lanes * sizeof(float));
      std::memset(out + lanes, 0, (static_cast<std::size_t>(kPanelLanes) - lanes) * sizeof(float));
    }
  });
}

// Columns of x [k, n] become the rows of the left operand.
void pack_transposed(const float* x, std::int64_t stride, const RowTiles& tiles, float* to, ThreadPool& pool) {
  pool.run(tiles.tiles(), [&](std::int64_t tile) {
    const std::int64_t first = tiles.first_row(tile), rows = tiles.rows_of(tile);
    for (std::int64_t k = 0; k < tiles.columns; ++k) {
      float* out = to + tiles.offset(tile, k / kColumnBlock) + k % kColumnBlock;
      for (std::int64_t r = 0; r < rows; ++r) out[r * kColumnBlock] = x[k * stride + first + r];
    }
  });
}

void pack_rows(const float* a, std::int64_t stride, const RowTiles& tiles, float* to, ThreadPool& pool) {
  pool.run(tiles.tiles(), [&](std::int64_t tile) {
    for (std::int64_t block = 0; block < tiles.blocks(); ++block) {
      const auto bytes = static_cast<std::size_t>(tiles.columns_of(block)) * sizeof(float);
      for (std::int64_t r = 0; r < tiles.rows_of(tile); ++r) {
        std::memcpy(to + tiles.offset(tile, block) + r * kColumnBlock,
                    a + (tiles.first_row(tile) + r) * stride + block * kColumnBlock, bytes);
      }
    }
  });
}

void gram_part(const float* x, const RowTiles& tiles, float alpha, float* h, ThreadPool& pool) {
  const MatmulKernels& kernels = matmul_kernels();
  const std::int64_t n = tiles.rows, panels = (n + kPanelLanes - 1) / kPanelLanes;
  float* left = left_scratch.need(static_cast<std::size_t>(tiles.floats()));
  float* right = right_scratch.need(static_cast<std::size_t>(panels * tiles.columns * kPanelLanes));
  pack_transposed(x, n, tiles, left, pool);
  pack_panels(x, n, tiles, n, right, pool);
  const std::int64_t groups = (panels + kTaskPanels - 1) / kTaskPanels;
  const std::int64_t chunks = (tiles.tiles() + kTaskTiles - 1) / kTaskTiles;
  pool.run(groups * chunks, [&](std::int64_t index) {
    // The longest columns of the triangle first, so that the threads end together.
    Share share{.first_panel = (groups - 1 - index / chunks) * kTaskPanels};
    share.panels = std::min(kTaskPanels, panels - share.first_panel);
    const std::int64_t first_column = share.first_panel * kPanelLanes;
    const std::int64_t columns = std::min(n - first_column, share.panels * kPanelLanes);
    share.first_tile = index % chunks * kTaskTiles;
    share.end_tile = share.first_tile;
    const std::int64_t last = std::min(tiles.tiles(), share.first_tile + kTaskTiles);
    while (share.end_tile < last && tiles.first_row(share.end_tile) < first_column + columns) ++share.end_tile;
    if (share.end_tile == share.first_tile) return;
    const std::int64_t first_row = tiles.first_row(share.first_tile);
    const Finish to{.columns = columns, .y = h + first_row * n + first_column, .y_stride = n};
    kernels.finish_gram(sum_share(kernels, {.tiles = tiles, .left = left, .right = right}, share, to), alpha,
                        first_row - first_column);
  });
}

void subtract_part(const SubtractProduct& s, ThreadPool& pool) {
  const MatmulKernels& kernels = matmul_kernels();
  const RowTiles tiles{.rows = s.m, .columns = s.k, .tile_rows = kernels.tile_rows};
  const std::int64_t panels = (s.n + kPanelLanes - 1) / kPanelLanes;
  float* left = left_scratch.need(static_cast<std::size_t>(tiles.floats()));
  float* right = right_scratch.need(static_cast<std::size_t>(panels * s.k * kPanelLanes));
  pack_rows(s.a, s.a_stride, tiles, left, pool);
  pack_panels(s.b, s.b_stride, tiles, s.n, right, pool);
  const std::int64_t groups = (panels + kTaskPanels - 1) / kTaskPanels;
  const std::int64_t chunks = (tiles.tiles() + kTaskTiles - 1) / kTaskTiles;
  pool.run(groups * chunks, [&](std::int64_t index) {
    Share share{.first_panel = index / chunks * kTaskPanels};
    share.panels = std::min(kTaskPanels, panels - share.first_panel);
    share.first_tile = index % chunks * kTaskTiles;
    share.end_tile = std::min(tiles.tiles(), share.first_tile + kTaskTiles);
    const std::int64_t first_column = share.first_panel * kPanelLanes;
    const Finish to{.columns = std::min(s.n - first_column, share.panels * kPanelLanes),
                    .y = s.c + tiles.first_row(share.first_tile) * s.c_stride + first_column,
                    .y_stride = s.c_stride};
    kernels.finish_subtract(sum_share(kernels, {.tiles = tiles, .left = left, .right = right}, share, to));
  });
}

}  // namespace

void accumulate_gram(const float* x, std::int64_t rows, std::int64_t n, float alpha, float* h, ThreadPool& pool) {
  if (n < 1) return;
  for (std::int64_t first = 0; first < rows; first += kMostSummed) {
    const RowTiles tiles{
        .rows = n, .columns = std::min(kMostSummed, rows - first), .tile_rows = matmul_kernels().tile_rows};
    gram_part(x + first * n, tiles, alpha, h, pool);
  }
}

void subtract_product(const SubtractProduct& product, ThreadPool& pool) {
  if (product.m < 1 || product.n < 1) return;
  for (std::int64_t first = 0; first < product.k; first += kMostSummed) {
    SubtractProduct part = product;
    part.a += first;
    part.b += first * product.b_stride;
    part.k = std::min(kMostSummed, product.k - first);
    subtract_part(part, pool);
  }
}

}  // namespace qreason
