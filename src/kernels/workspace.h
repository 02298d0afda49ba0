// Work space of kernels: memory that grows and is kept for the next call, one slot a purpose, so that a product which
// packs its rows and its weights at once uses two slots. One workspace belongs to one worker of one executor.
#pragma once

#include <array>
#include <cstddef>

#include "kernels/cpu/aligned_buffer.h"

namespace qreason {

enum class WorkspaceSlot { kRows, kPanels, kWeights, kTotals, kAttention, kTransform };

class Workspace {
 public:
  // Contents are unspecified; valid until the next call for the same slot.
  float* need(WorkspaceSlot slot, std::size_t count) { return slots_[static_cast<std::size_t>(slot)].need(count); }

 private:
  std::array<ScratchFloats, 6> slots_;
};

}  // namespace qreason
