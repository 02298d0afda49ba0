// What training a block costs, for `--plan`.
#pragma once

#include "quantize/flatquant/block_trainer.h"
#include "quantize/pass_cost.h"

namespace qreason {

BlockCost flat_cost(const BlockCostQuestion& question, const TrainingOptions& options);

}  // namespace qreason
