// How PackedMatrix keeps its panels. Panel p holds outputs 16p .. 16p+15; outputs past the last are zeros.
//   float32, bfloat16: element (k, lane) of a panel at k * 16 + lane.
//   quantized: columns in units of 32. A unit is `bits` vectors of 16 words; the codes of a lane's 32 columns follow
//   each other in that lane's words, least significant bit first. So every unpacking is shifts and masks by constants,
//   with nothing moved across lanes, at any width from 2 to 8 bits. scales [panel, group, 16] floats (with the scale of
//   the whole matrix in them), zeros the same in bytes (symmetric: the code offset everywhere; none for floats).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu/aligned_buffer.h"
#include "kernels/packed_matrix.h"

namespace qreason {

inline constexpr std::int64_t kUnitColumns = 32;

// What the kernels see: plain numbers and pointers.
struct PanelView {
  WeightKind kind = WeightKind::kFloat32;
  NumberKind number = NumberKind::kInteger;  // of quantized panels
  int bits = 0;
  std::int64_t columns = 0;
  std::int64_t panels = 0;
  const float* float32 = nullptr;
  const std::uint16_t* bfloat16 = nullptr;
  const std::uint32_t* words = nullptr;
  std::int64_t units = 0;  // of a panel
  const float* scales = nullptr;
  const std::uint8_t* zeros = nullptr;
  std::int64_t groups = 0;
  std::int64_t group_size = 0;
  const std::int32_t* group_index = nullptr;  // [units * 32] or null
  const std::int32_t* code_sums = nullptr;    // of an output, [panels, 16]; of integers in one group
};

// (static: called from translation units with wide instructions, whose copy nobody else may get.)
// True when a unit never meets two groups, so that its scale and zero are loaded once.
static inline bool units_lie_in_groups(const PanelView& view) {
  return view.group_index == nullptr && (view.groups == 1 || view.group_size % kUnitColumns == 0);
}

// True when packed codes can be multiplied without being expanded first: whole units of integers.
static inline bool streams_packed(const PanelView& view) {
  return view.kind == WeightKind::kQuantized && view.number == NumberKind::kInteger && units_lie_in_groups(view) &&
         view.columns % kUnitColumns == 0;
}

struct PanelStorage : PackedMatrix::Storage {
  using Storage::Storage;
  std::uint64_t bytes() const override {
    return values.size() + scales.size() + zeros.size() + code_sums.size() + group_index.size() * sizeof(std::int32_t);
  }
  PanelView view;
  AlignedBytes values;
  AlignedBytes scales;
  AlignedBytes zeros;
  AlignedBytes code_sums;
  std::vector<std::int32_t> group_index;
};

// Throws Error for an empty matrix and for one of another backend.
const PanelView& panel_view(const PackedMatrix& matrix);

}  // namespace qreason
