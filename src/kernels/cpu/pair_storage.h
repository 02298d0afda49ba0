// How the class of arithmetic `fast` keeps weights. The columns lie in slots and two slots are a pair, which one dot
// product instruction takes for the 16 outputs of a panel.
//   runs      the columns of one group, at most kRunColumns of them, in order; group after group. A run begins a unit
//             and is filled up to whole units with empty slots. Without groups: a run is the next kRunColumns columns.
//   units     64 bytes of 16 outputs, 16 / width pairs.
//   width     of a slot. 16: bfloat16. 8, 4, 2: codes, of 5 to 8, 3 to 4 and 2 bits; the table says what they stand
//   for. place     16, 4, 2: an output a word of 32 bits; its low half holds the even slots of the pairs, the first in
//   the low
//             bits, the high half the odd ones. 8: four outputs in 16 bytes, the two bytes of one pair after each
//             other, before those of the other pair.
// scales [panel, group, 16] floats (with the scale of the whole matrix in them), zeros the same in bytes, of asymmetric
// integers only: what a symmetric code stands for is the signed integer.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/cpu/aligned_buffer.h"
#include "kernels/packed_matrix.h"

namespace qreason {

inline constexpr std::int64_t kRunColumns = 256;

struct PairRun {
  std::int32_t first_pair = 0;
  std::int32_t pairs = 0;
  std::int32_t group = 0;
  bool operator==(const PairRun&) const = default;
};

// Where the columns of a row go. Weights of one layout share their rounded input.
struct PairLayout {
  std::int64_t columns = 0;
  std::int64_t pairs = 0;
  std::vector<PairRun> runs;
  // The column of each slot, -1 in empty ones and on to a multiple of 16 slots; empty where slot s is column s.
  std::vector<std::int32_t> sources;
  bool operator==(const PairLayout&) const = default;
};

// What the kernels see: plain numbers and pointers.
struct PairView {
  WeightKind kind = WeightKind::kBFloat16;
  int width = 16;
  int bits = 16;  // of a code, at most the width
  std::int64_t panels = 0;
  const std::uint32_t* words = nullptr;
  std::int64_t panel_words = 0;
  // bfloat16 by code; null where width is 16. 4, 2: 32 that repeat those of the width. 8: the low bytes of 256, then
  // the high ones.
  const std::uint8_t* table = nullptr;
  const float* scales = nullptr;        // null: all 1
  const std::uint8_t* zeros = nullptr;  // null: all 0
  std::int64_t groups = 0;
  bool integers = false;                    // codes of them
  std::int64_t group_size = 0;              // of codes
  const std::int32_t* code_sums = nullptr;  // of an output, [panels, 16]; of integers in one group
};

struct PairStorage : PackedMatrix::Storage {
  using Storage::Storage;
  std::uint64_t bytes() const override {
    return values.size() + scales.size() + zeros.size() + code_sums.size() +
           layout.sources.size() * sizeof(std::int32_t);
  }
  PairView view;
  PairLayout layout;
  std::array<float, 256> elements{};  // by code
  AlignedBytes values;
  AlignedBytes table;
  AlignedBytes scales;
  AlignedBytes zeros;
  AlignedBytes code_sums;
};

}  // namespace qreason
