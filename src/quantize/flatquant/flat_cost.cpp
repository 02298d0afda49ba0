#include "quantize/flatquant/flat_cost.h"

#include <algorithm>

namespace qreason {

BlockCost flat_cost(const BlockCostQuestion& question, const TrainingOptions& options) {
  if (question.plan.weights.empty()) return {};
  const ModelConfig& config = question.config;
  double weights = 0;
  for (const LinearSlot slot : kLinearSlots) weights += weights_of(config, slot);
  const CalibrationSize& calibration = question.calibration;
  const auto batch = static_cast<double>(std::min(calibration.sequences, options.batch_size));
  const auto rows = static_cast<double>(calibration.longest), heads = static_cast<double>(config.heads);
  const auto hidden = static_cast<double>(config.hidden_size), middle = static_cast<double>(config.intermediate_size);
  const double query = heads * static_cast<double>(config.head_dim);

  // A forward and two products backward an epoch; the pass before anything is learned is forward alone.
  const double forward = attention_flops(config, calibration) + mlp_flops(config, calibration);
  BlockCost cost;
  cost.flops = options.epochs > 0 ? forward * (1 + 3 * static_cast<double>(options.epochs)) : 0;
  // Of every weight: as it is in float32, divided by its diagonal, transformed by either factor, clipped and rounded,
  // and the gradients of two of these at a time. Of every row of a batch: what the stages keep for their gradients;
  // scores thrice. Of every row of all sequences its output.
  const double row = 16 * hidden + 12 * query + 9 * middle + 3 * heads * rows;
  cost.memory = 4 * (8 * weights + batch * rows * row + static_cast<double>(calibration.tokens) * hidden);
  return cost;
}

}  // namespace qreason
