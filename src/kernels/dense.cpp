#include <algorithm>

#include "kernels/cpu/matmul_kernels.h"
#include "kernels/matmul.h"
#include "kernels/packed_rows.h"

namespace qreason {
namespace {

// Summed before the result is touched once; a fixed split of the sum, so that memory for the packed operands is
// bounded.
constexpr std::int64_t kMostSummed = 4 * kColumnBlock;

enum class Triangle { kWhole, kUpper };

struct Operands {
  RowTiles tiles;
  const float* left = nullptr;
  const float* right = nullptr;  // panels [columns, 16]
  std::int64_t outputs = 0;
  Triangle triangle = Triangle::kWhole;

  std::int64_t panels() const { return (outputs + kPanelLanes - 1) / kPanelLanes; }
};

// One task: tiles [first_tile, end_tile) times panels [first_panel, end_panel), summed over all blocks.
struct Share {
  std::int64_t first_tile = 0;
  std::int64_t end_tile = 0;
  std::int64_t first_panel = 0;
  std::int64_t end_panel = 0;

  // The first panel of the share that a tile needs.
  std::int64_t first_panel_of(const Operands& operands, std::int64_t tile) const {
    if (operands.triangle == Triangle::kWhole) return first_panel;
    return std::max(first_panel, operands.tiles.first_row(tile) / kPanelLanes);
  }
};

// How a product is cut into shares, by its shape alone. Right operands of 512 KB stay in the second-level cache. A sum
// of one block is done with at once, so its shares are flat and meet the result in long runs; a longer sum keeps its
// totals, so its shares are squarer.
struct Cut {
  std::int64_t tiles = 8;
  std::int64_t panels = 16;

  static Cut of(const RowTiles& tiles) {
    constexpr std::int64_t kResidentFloats = 1 << 17;
    if (tiles.blocks() > 1) return {};
    return {.tiles = 2, .panels = std::clamp<std::int64_t>(kResidentFloats / (tiles.columns * kPanelLanes), 16, 64)};
  }
};

// Where a tile's sums will go is fetched ahead: its rows are far apart.
void fetch_ahead(const float* to, std::int64_t stride, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; c += kPanelLanes) __builtin_prefetch(to + r * stride + c, 1, 2);
  }
}

struct Place {
  std::int64_t tile = 0;
  std::int64_t block = 0;
  float* totals = nullptr;  // of the share
};

// One tile of a share in one block of the sum, a few panels at a time. `finish` is the share's.
void sum_tile(const MatmulKernels& kernels, const Operands& operands, const Share& share, Place place,
              const Finish& finish) {
  constexpr std::int64_t kStep = 2 * kTaskPanels;
  const RowTiles& tiles = operands.tiles;
  const std::int64_t tile = place.tile, block = place.block;
  const std::int64_t row = tiles.first_row(tile) - tiles.first_row(share.first_tile), rows = tiles.rows_of(tile);
  for (std::int64_t panel = share.first_panel_of(operands, tile); panel < share.end_panel; panel += kStep) {
    const std::int64_t panels = std::min(kStep, share.end_panel - panel);
    const std::int64_t column = (panel - share.first_panel) * kPanelLanes;
    if (block + 1 == tiles.blocks()) {
      fetch_ahead(finish.y + row * finish.y_stride + column, finish.y_stride, rows,
                  std::min(panels * kPanelLanes, finish.columns - column));
    }
    kernels.tile({.a = operands.left + tiles.offset(tile, block),
                  .rows = static_cast<int>(rows),
                  .w = operands.right + (panel * tiles.columns + block * kColumnBlock) * kPanelLanes,
                  .panel_stride = tiles.columns * kPanelLanes,
                  .panels = panels,
                  .columns = tiles.columns_of(block),
                  .totals = place.totals + row * finish.totals_stride + column,
                  .totals_stride = finish.totals_stride,
                  .store = block == 0 ? MatmulStore::kOverwrite : MatmulStore::kAdd});
  }
}

// The sums of a share, [rows of its tiles, its panels * 16], ready for `finish`.
Finish sum_share(const Operands& operands, const Share& share, Finish finish, Workspace& workspace) {
  const MatmulKernels& kernels = matmul_kernels();
  const RowTiles& tiles = operands.tiles;
  finish.rows = tiles.first_row(share.end_tile) - tiles.first_row(share.first_tile);
  finish.totals_stride = (share.end_panel - share.first_panel) * kPanelLanes;
  float* totals = workspace.need(WorkspaceSlot::kTotals, static_cast<std::size_t>(finish.rows * finish.totals_stride));
  finish.totals = totals;
  for (std::int64_t block = 0; block < tiles.blocks(); ++block) {
    for (std::int64_t tile = share.first_tile; tile < share.end_tile; ++tile) {
      sum_tile(kernels, operands, share, {.tile = tile, .block = block, .totals = totals}, finish);
    }
  }
  return finish;
}

// Runs finish(totals, where the share begins in the result) for every share of the product; y [tiles.rows, y_stride].
template <class Done>
void run_shares(const Operands& operands, float* y, std::int64_t y_stride, Executor& executor, Done&& done) {
  const MatmulKernels& kernels = matmul_kernels();
  const RowTiles& tiles = operands.tiles;
  const Cut cut = Cut::of(tiles);
  const std::int64_t across = (operands.panels() + cut.panels - 1) / cut.panels;
  const std::int64_t down = (tiles.tiles() + cut.tiles - 1) / cut.tiles;
  executor.run(across * down, [&](std::int64_t index) {
    // From the right: in a triangle the longest columns come first, so that the threads end together.
    Share share{.first_tile = index % down * cut.tiles, .first_panel = (across - 1 - index / down) * cut.panels};
    share.end_panel = std::min(operands.panels(), share.first_panel + cut.panels);
    share.end_tile = std::min(tiles.tiles(), share.first_tile + cut.tiles);
    const std::int64_t first_row = tiles.first_row(share.first_tile), first_column = share.first_panel * kPanelLanes;
    const std::int64_t end_column = std::min(operands.outputs, share.end_panel * kPanelLanes);
    if (operands.triangle == Triangle::kUpper) {
      while (share.end_tile > share.first_tile && tiles.first_row(share.end_tile - 1) >= end_column) --share.end_tile;
      if (share.end_tile == share.first_tile) return;
    }
    const Finish to{
        .columns = end_column - first_column, .y = y + first_row * y_stride + first_column, .y_stride = y_stride};
    done(kernels, sum_share(operands, share, to, executor.workspace()), first_row - first_column);
  });
}

void gram_part(const float* x, const RowTiles& tiles, float alpha, float* h, Executor& executor) {
  const std::int64_t n = tiles.rows;
  Operands operands{.tiles = tiles, .outputs = n, .triangle = Triangle::kUpper};
  Workspace& workspace = executor.workspace();
  float* left = workspace.need(WorkspaceSlot::kRows, static_cast<std::size_t>(tiles.floats()));
  float* right =
      workspace.need(WorkspaceSlot::kPanels, static_cast<std::size_t>(operands.panels() * tiles.columns * kPanelLanes));
  pack_transposed(x, n, tiles, left, executor);
  pack_panels(x, n, tiles.columns, n, right, executor);
  operands.left = left;
  operands.right = right;
  run_shares(operands, h, n, executor, [&](const MatmulKernels& kernels, const Finish& finish, std::int64_t diagonal) {
    kernels.finish_gram(finish, alpha, diagonal);
  });
}

// Columns [first, first + columns) of the sum.
struct Part {
  std::int64_t first = 0, columns = 0;
};

// What lies a number of rows or columns further on in an operand.
const float* moved(const float* operand, std::int64_t stride, bool along_rows, std::int64_t count) {
  return operand + (along_rows ? count : count * stride);
}

template <class Done>
void product_part(const DenseProduct& p, Part part, Executor& executor, Done&& done) {
  const bool a_rows = p.a_stored == Operand::kAsItIs, b_rows = p.b_stored == Operand::kTransposed;
  const RowTiles tiles{.rows = p.m, .columns = part.columns, .tile_rows = matmul_kernels().tile_rows};
  Operands operands{.tiles = tiles, .outputs = p.n};
  Workspace& workspace = executor.workspace();
  float* left = workspace.need(WorkspaceSlot::kRows, static_cast<std::size_t>(tiles.floats()));
  float* right =
      workspace.need(WorkspaceSlot::kPanels, static_cast<std::size_t>(operands.panels() * part.columns * kPanelLanes));
  const float *a = moved(p.a, p.a_stride, a_rows, part.first), *b = moved(p.b, p.b_stride, b_rows, part.first);
  (a_rows ? pack_rows : pack_transposed)(a, p.a_stride, tiles, left, executor);
  (b_rows ? pack_transposed_panels : pack_panels)(b, p.b_stride, part.columns, p.n, right, executor);
  operands.left = left;
  operands.right = right;
  run_shares(operands, p.c, p.c_stride, executor,
             [&](const MatmulKernels& kernels, const Finish& finish, std::int64_t) { done(kernels, finish); });
}

template <class Done>
void product_by_parts(const DenseProduct& product, Executor& executor, Done&& done) {
  if (product.m < 1 || product.n < 1) return;
  for (std::int64_t first = 0; first < product.k; first += kMostSummed) {
    const Part part{.first = first, .columns = std::min(kMostSummed, product.k - first)};
    product_part(product, part, executor,
                 [&](const MatmulKernels& kernels, const Finish& finish) { done(kernels, finish, first == 0); });
  }
}

}  // namespace

void accumulate_gram(const float* x, std::int64_t rows, std::int64_t n, float alpha, float* h, Executor& executor) {
  if (n < 1) return;
  for (std::int64_t first = 0; first < rows; first += kMostSummed) {
    const RowTiles tiles{
        .rows = n, .columns = std::min(kMostSummed, rows - first), .tile_rows = matmul_kernels().tile_rows};
    gram_part(x + first * n, tiles, alpha, h, executor);
  }
}

void dense_product(const DenseProduct& product, Executor& executor) {
  for (std::int64_t i = 0; i < product.m && product.k < 1 && product.store == MatmulStore::kOverwrite; ++i) {
    std::fill_n(product.c + i * product.c_stride, product.n, 0.0f);
  }
  product_by_parts(product, executor, [&](const MatmulKernels& kernels, const Finish& finish, bool first) {
    kernels.finish_product(finish, nullptr, first ? product.store : MatmulStore::kAdd);
  });
}

void subtract_product(const SubtractProduct& product, Executor& executor) {
  const DenseProduct whole{.a = product.a,
                           .a_stride = product.a_stride,
                           .b = product.b,
                           .b_stride = product.b_stride,
                           .c = product.c,
                           .c_stride = product.c_stride,
                           .m = product.m,
                           .n = product.n,
                           .k = product.k};
  product_by_parts(whole, executor,
                   [](const MatmulKernels& kernels, const Finish& finish, bool) { kernels.finish_subtract(finish); });
}

}  // namespace qreason
