// The kernels of products of codes (kernels/code_products.h). They work on one task's share; the split into tasks and
// the threads are in code_products.cpp.
//
// Weights stay as their storage has them: unsigned codes, 16 outputs side by side. A unit of 32 columns is eight steps;
// a step is four columns of sixteen outputs, a word of four bytes each, which one instruction multiplies with four
// signed bytes of a row: q - o, where o is 128 for eight bits and else the row's zero. So
//   D = sum (q - o) qw + (o - z) sum qw - zw sum (q - z)
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace qreason {

// How the columns of a unit lie in its words (panel_storage.h, pair_storage.h); or as expand() leaves them, a step a
// line of 16 words.
enum class CodeOrder : std::uint8_t { kPanels, kPairs, kBytes };

struct CodeWords {
  CodeOrder order = CodeOrder::kPanels;
  int width = 8;  // bits of a code as it is stored
  const std::uint32_t* words = nullptr;
  std::int64_t panel_words = 0;
  std::int64_t first_panel = 0;         // that `words` begins with
  const float* scales = nullptr;        // [panel, group, 16]
  const std::uint8_t* zeros = nullptr;  // the same; null: all are `zero`
  std::uint32_t zero = 0;
  std::int64_t groups = 0;
  const std::int32_t* sums = nullptr;  // of the codes of an output, [panel, 16]
};

struct CodeRun {
  std::int64_t first_unit = 0, units = 0;
  std::int64_t group = 0;      // of the weight
  std::int64_t row_group = 0;  // of the rows
};

// A tile of rows times neighbouring panels.
struct CodeProduct {
  const std::uint32_t* x = nullptr;  // [steps, rows] words
  std::int64_t rows = 0;             // 1 .. tile_rows
  std::int64_t first_panel = 0;
  std::int64_t panels = 0;
  const CodeRun* runs = nullptr;
  std::int64_t run_count = 0;
  const float* scales = nullptr;         // [run, rows]
  const std::int32_t* sums = nullptr;    // sum (q - z), [run, rows]
  const std::int32_t* shifts = nullptr;  // o - z, [run, rows]; null: all 0
  float* totals = nullptr;               // [rows, totals_stride]
  std::int64_t totals_stride = 0;
};

// Whole units of one row's codes as a product wants them.
struct CodeRowUnits {
  const std::uint8_t* codes = nullptr;
  std::int64_t units = 0;
  std::int64_t last = 0;  // columns of the last unit, 1 .. 32
  std::uint8_t offset = 0;
  const std::uint8_t* order = nullptr;  // [32]: the column of byte b of step t at 4 t + b
  std::uint32_t* out = nullptr;         // a step's word
  std::int64_t stride = 0;              // to the next step's
};

struct CodeKernels {
  const char* name;
  std::int64_t tile_rows;
  void (*place)(const CodeRowUnits&);
  // Codes of at most seven bits, packed, to whole bytes for more than kMostFewRows rows: `units` units of a panel, out
  // [units, 8, 16] words. Null where multiply() takes packed codes for any number of rows.
  void (*expand)(const CodeWords&, std::int64_t panel, std::int64_t units, std::uint32_t* out);
  void (*multiply)(const CodeWords&, const CodeProduct&);
};

extern const CodeKernels kCodesGeneric;
extern const CodeKernels kCodesAvx2;
extern const CodeKernels kCodesAvx512Vnni;

// Of the instruction set in use. (AVX-512 without VNNI has nothing better than AVX2's.)
const CodeKernels& code_kernels();

}  // namespace qreason
