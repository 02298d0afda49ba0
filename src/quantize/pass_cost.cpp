#include "quantize/pass_cost.h"

namespace qreason {
namespace {

double product_flops(const ModelConfig& config, Site site, double tokens) {
  double flops = 0;
  for (const LinearSlot slot : kLinearSlots) {
    if (input_site(slot) == site) flops += 2 * tokens * weights_of(config, slot);
  }
  return flops;
}

}  // namespace

double weights_of(const ModelConfig& config, LinearSlot slot) {
  const LinearShape shape = linear_shape(config, slot);
  return static_cast<double>(shape.rows) * static_cast<double>(shape.columns);
}

double score_flops(const ModelConfig& config, CalibrationSize calibration) {
  const auto tokens = static_cast<double>(calibration.tokens), longest = static_cast<double>(calibration.longest);
  return 2 * tokens * longest * static_cast<double>(config.heads * config.head_dim);
}

double attention_flops(const ModelConfig& config, CalibrationSize calibration) {
  const auto tokens = static_cast<double>(calibration.tokens);
  return product_flops(config, Site::kAttentionInput, tokens) + product_flops(config, Site::kAttentionOutput, tokens) +
         score_flops(config, calibration);
}

double mlp_flops(const ModelConfig& config, CalibrationSize calibration) {
  const auto tokens = static_cast<double>(calibration.tokens);
  return product_flops(config, Site::kMlpInput, tokens) + product_flops(config, Site::kMlpMiddle, tokens);
}

}  // namespace qreason
