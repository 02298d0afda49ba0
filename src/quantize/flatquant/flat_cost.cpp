#include "quantize/flatquant/flat_cost.h"

#include <algorithm>

namespace qreason {

BlockCost flat_cost(const BlockCostQuestion& question, const TrainingOptions& options) {
  if (question.plan.weights.empty()) return {};
  const ModelConfig& config = question.config;
  double largest = 0;
  for (const LinearSlot slot : kLinearSlots) largest = std::max(largest, weights_of(config, slot));
  const CalibrationSize& calibration = question.calibration;
  const auto batch = static_cast<double>(std::min(calibration.sequences, options.batch_size));
  const auto longest = static_cast<double>(calibration.longest), heads = static_cast<double>(config.heads);
  const auto hidden = static_cast<double>(config.hidden_size), middle = static_cast<double>(config.intermediate_size);
  const double query = heads * static_cast<double>(config.head_dim);

  // A forward and two products backward an epoch; what is measured before and after the learning is forward alone.
  const double forward = attention_flops(config, calibration) + mlp_flops(config, calibration);
  BlockCost cost;
  cost.flops = options.epochs > 0 ? forward * (2 + 3 * static_cast<double>(options.epochs)) : 0;
  // Of the weights at work: in float32, transformed and rounded, and their gradient. Of every row that is in memory
  // with others: what the stages keep for their gradients.
  const double rows = std::max(longest, std::min(batch * longest, static_cast<double>(kTokensAtOnce)));
  const double row = 16 * hidden + 12 * query + 9 * middle;
  cost.memory = 4 * (3 * std::min(largest, static_cast<double>(kWeightsAtOnce)) + rows * row);
  return cost;
}

}  // namespace qreason
