// The table of matrix-product kernels of one instruction set. They work on one task's share; the split into tasks and
// the threads are in matmul.cpp and dense.cpp.
#pragma once

#include <cstdint>

#include "base/isa.h"
#include "kernels/cpu/panel_storage.h"
#include "kernels/matmul.h"

namespace qreason {

inline constexpr std::int64_t kPanelLanes = PackedMatrix::kPanel;
// Panels a tile task works on: their columns of one block, expanded to float32, take 64 KB.
inline constexpr std::int64_t kTaskPanels = 4;
inline constexpr std::int64_t kMostFewRows = 4;

// One tile of rows times the panels of a task, over one block of columns.
struct TileProduct {
  const float* a = nullptr;  // [rows, kColumnBlock], packed; the tile behind it is fetched ahead
  int rows = 0;              // 1 .. tile_rows
  const float* w = nullptr;  // panel p, column k, lane l at p * panel_stride + k * 16 + l
  std::int64_t panel_stride = 0;
  std::int64_t panels = 0;   // 1 .. kTaskPanels
  std::int64_t columns = 0;  // 1 .. kColumnBlock
  float* totals = nullptr;   // [rows, totals_stride]
  std::int64_t totals_stride = 0;
  MatmulStore store = MatmulStore::kOverwrite;
};

// A few rows straight from the weights: totals [rows, panels * 16] over all columns.
struct FewRowsProduct {
  const float* x = nullptr;
  std::int64_t x_stride = 0;
  std::int64_t rows = 0;  // 1 .. kMostFewRows
  std::int64_t first_panel = 0;
  std::int64_t panels = 0;
  float* totals = nullptr;
};

// Where finished totals go. Row r of totals belongs to row r of y; `columns` numbers of a row are wanted.
struct Finish {
  const float* totals = nullptr;
  std::int64_t totals_stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  float* y = nullptr;
  std::int64_t y_stride = 0;
};

struct MatmulKernels {
  const char* name;
  std::int64_t tile_rows;
  std::int64_t tile_panels;
  void (*tile)(const TileProduct&);
  void (*few_rows)(const PanelView&, const FewRowsProduct&);
  // The same for views that streams_packed(), a multiple of four panels. Null where expanding is as good.
  void (*packed_rows)(const PanelView&, const FewRowsProduct&);
  // Columns [first, first + count) of a panel as float32, out [count rounded up to 32][16]; first % kColumnBlock == 0.
  void (*expand)(const PanelView&, std::int64_t panel, std::int64_t first, std::int64_t count, float* out);
  // y = (kAdd: y +) (totals + bias)
  void (*finish_product)(const Finish&, const float* bias, MatmulStore store);
  // y += alpha * totals, for the columns from first_column + r on in row r (first_column <= 0: all)
  void (*finish_gram)(const Finish&, float alpha, std::int64_t first_column);
  // y -= totals
  void (*finish_subtract)(const Finish&);
};

// In translation units of their own: they are many and long. (The generic ones would take minutes to compile.)
void packed_rows_avx2(const PanelView& view, const FewRowsProduct& product);
void packed_rows_avx512(const PanelView& view, const FewRowsProduct& product);

extern const MatmulKernels kMatmulGeneric;
extern const MatmulKernels kMatmulAvx2;
extern const MatmulKernels kMatmulAvx512;

// Of the instruction set in use.
const MatmulKernels& matmul_kernels();

}  // namespace qreason
