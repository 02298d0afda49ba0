// The kernels of the class of arithmetic `fast` (kernels/fast_cpu_backend.h) with AVX512_BF16. They work on one task's
// share; the split into tasks and the threads are in fast_matmul.cpp.
#pragma once

#include <cstdint>

#include "kernels/cpu/pair_storage.h"
#include "kernels/matmul.h"

namespace qreason {

// Rows of x as bfloat16 pairs of a layout: out [pairs, rows] words.
struct RoundedRows {
  const float* x = nullptr;  // [rows, x_stride]
  std::int64_t x_stride = 0;
  std::int64_t rows = 0;  // 1 .. kPairTileRows
  std::int64_t columns = 0;
  std::int64_t pairs = 0;
  const std::int32_t* sources = nullptr;  // of the layout, or null
  std::uint32_t* out = nullptr;
};

// One tile of rows times neighbouring panels over some runs: totals [rows, totals_stride].
struct PairProduct {
  const std::uint32_t* x = nullptr;      // [pairs, rows] words, of the first run's pairs on
  std::int64_t rows = 0;                 // 1 .. kPairTileRows; of codes 1 .. kMostDirectRows
  int width = 16;                        // of the words: those of the view, or 16 where they are expanded
  const std::uint32_t* words = nullptr;  // of the first run's units on
  std::int64_t panel_words = 0;          // from one panel's to the next one's
  std::int64_t first_panel = 0;
  std::int64_t panels = 0;
  const PairRun* runs = nullptr;
  std::int64_t run_count = 0;
  const float* sums = nullptr;  // [run_count, rows]; where the view has zeros
  float* totals = nullptr;
  std::int64_t totals_stride = 0;
  MatmulStore store = MatmulStore::kOverwrite;
};

inline constexpr std::int64_t kPairTileRows = 14;
inline constexpr std::int64_t kMostDirectRows = 4;

struct PairKernels {
  const char* name;
  void (*round_rows)(const RoundedRows&);
  // The sum of x over every run, sums [run_count, rows].
  void (*sum_runs)(const PairRun* runs, std::int64_t run_count, const std::uint32_t* x, std::int64_t rows, float* sums);
  // Codes to bfloat16: `pairs` pairs of whole units, out [pairs, 16] words.
  void (*expand)(const PairView&, const std::uint32_t* units, std::int64_t pairs, std::uint32_t* out);
  void (*multiply)(const PairView&, const PairProduct&);
};

extern const PairKernels kPairAvx512Bf16;

}  // namespace qreason
