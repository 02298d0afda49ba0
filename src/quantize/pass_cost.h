// What passes cost, for `--plan`: counts of work, whose rates are measured on the machine (quantize/machine_rates.h),
// and bytes. Everything in double, which holds what a hostile config could overflow.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/config.h"
#include "model/plan.h"

namespace qreason {

struct CalibrationSize {
  std::int64_t sequences = 0, tokens = 0, longest = 0;  // all 0 for recipes that need none
};

struct BlockCostQuestion {
  const ModelConfig& config;
  const BlockPlan& plan;  // of the block: what the pass itself rounds (kRound), else what all passes round
  CalibrationSize calibration;
  double spare_memory = 0;  // bytes of activations that the walk leaves to searches (CalibrationWalk::spare_store)
};

// A moment of a pass's work in a block: what it holds beside the block's linears and what the walks keep.
struct BlockMoment {
  std::vector<LinearSlot> rounded;  // linears that are codes by then
  double memory = 0;                // bytes
  double repeated = 0;              // bytes where a factorization fails and is repeated in float64
};

// Of one block, beside the one forward pass that the walks behind the passes make.
struct BlockCost {
  double flops = 0;    // float32 operations of forward passes and of trainings
  double memory = 0;   // bytes at once beside the block's weights and what the walks keep
  double spilled = 0;  // bytes of activations on disk beside what the walks keep there
  double rounded = 0;  // weights rounded to nearest on trial
  double dense = 0;    // float32 operations of Gram matrices, factorizations, updates of what is not rounded yet
  double panels = 0;   // diagonal blocks of factorizations (kFactorPanel columns)
  double columns = 0;  // weights rounded column by column, with GPTQ's feedback
  double swept = 0;    // bytes of matrices of statistics that are read or written once more, memory's speed
  std::vector<BlockMoment> moments;  // beyond `memory`, which holds all the time
};

// What a rotation does to every value of a row.
struct RotationWork {
  double levels = 0;  // additions: one a level of its Sylvester matrix
  double core = 0;    // additions: one an entry of a row of its core
};

// What an exact pass's view does to every value of a tensor that is asked for.
struct ViewWork {
  double converted = 0;  // times that it becomes a double and is rounded again
  RotationWork rotated{};

  // `of`: rows of the matrix, or its columns, which are turned about twice.
  enum class Mapped { kRows, kColumns };
  void add(const RotationWork& rotation, Mapped of) {
    converted += of == Mapped::kRows ? 1 : 2;
    rotated.levels += rotation.levels;
    rotated.core += rotation.core;
  }
};
struct ViewCost {
  std::array<ViewWork, kLinearSlots.size()> linears{};  // by the value of LinearSlot
  ViewWork embedding, head;

  ViewWork& of(LinearSlot slot) { return linears[static_cast<std::size_t>(slot)]; }
};

// A forward pass of all calibration tokens through the attention (q, k, v, scores, o) and through the MLP.
double attention_flops(const ModelConfig& config, CalibrationSize calibration);
double mlp_flops(const ModelConfig& config, CalibrationSize calibration);
// The scores and sums of the first alone.
double score_flops(const ModelConfig& config, CalibrationSize calibration);
// Weights of a linear.
double weights_of(const ModelConfig& config, LinearSlot slot);

}  // namespace qreason
