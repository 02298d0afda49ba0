// What a block pass costs, for `--plan`. Sizes and counts in double, which holds what a hostile config could overflow.
#pragma once

#include <cstdint>

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
};

// Of one block, beside the one forward pass that the walks behind the passes make.
struct BlockCost {
  double flops = 0;    // float32 multiplications and additions
  double memory = 0;   // bytes at once beside the block's weights and what the walks keep
  double rounded = 0;  // weights rounded on trial
};

// A forward pass of all calibration tokens through the attention (q, k, v, scores, o) and through the MLP.
double attention_flops(const ModelConfig& config, CalibrationSize calibration);
double mlp_flops(const ModelConfig& config, CalibrationSize calibration);
// Weights of a linear.
double weights_of(const ModelConfig& config, LinearSlot slot);

}  // namespace qreason
