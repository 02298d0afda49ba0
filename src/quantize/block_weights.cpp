#include "quantize/block_weights.h"

namespace qreason {

BlockWeights::BlockWeights(const WeightSource& source, std::int64_t layer)
    : source_(&source), layer_(layer), plan_(&source.plan()) {
  for (const LinearSlot slot : kLinearSlots) set_linear(slot, source.linear(linear_name(layer, slot)), 0);
  for (const BlockNorm norm : block_norms(source.config())) {
    set_gain(norm, source.tensor(block_tensor_name(layer, name_of(norm))), 0);
  }
}

LinearWeight BlockWeights::linear(const std::string& name) const {
  for (const LinearSlot slot : kLinearSlots) {
    if (name == linear_name(layer_, slot)) return linear(slot);
  }
  return source_->linear(name);
}

at::Tensor BlockWeights::tensor(const std::string& name) const {
  for (const BlockNorm norm : block_norms(config())) {
    if (name == block_tensor_name(layer_, name_of(norm))) return gain(norm);
  }
  const auto set = site_tensors_.find(name);
  return set == site_tensors_.end() ? source_->tensor(name) : set->second;
}

}  // namespace qreason
