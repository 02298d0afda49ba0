// The most memory that a recipe's run holds at once, moment by moment.
#pragma once

#include "quantize/cost.h"
#include "quantize/model_outline.h"

namespace qreason {

struct MemoryEstimate {
  double peak = 0;           // bytes
  double repeated = 0;       // where a factorization must be repeated in float64
  double spilled = 0;        // on disk
  bool keeps_middle = true;  // the inputs of down projections are stored, not computed twice
};

// `outline`: of the model as the recipe's views hand it out; `plan`: of the quantized model.
MemoryEstimate estimate_memory(const CostQuestion& question, const ModelOutline& outline, const ModelPlan& plan);

}  // namespace qreason
