#include "quantize/block_weights.h"

namespace qreason {

BlockWeights::BlockWeights(const WeightSource& source, std::int64_t layer)
    : source_(&source), layer_(layer), plan_(&source.plan()) {
  for (const LinearSlot slot : kLinearSlots) set_linear(slot, source.linear(linear_name(layer, slot)), 0);
  for (std::size_t i = 0; i < kBlockNorms.size(); ++i)
    norms_[i] = source.tensor(block_tensor_name(layer, kBlockNorms[i]));
}

LinearWeight BlockWeights::linear(const std::string& name) const {
  for (const LinearSlot slot : kLinearSlots) {
    if (name == linear_name(layer_, slot)) return linear(slot);
  }
  return source_->linear(name);
}

at::Tensor BlockWeights::tensor(const std::string& name) const {
  for (std::size_t i = 0; i < kBlockNorms.size(); ++i) {
    if (name == block_tensor_name(layer_, kBlockNorms[i])) return norms_[i];
  }
  const auto set = site_tensors_.find(name);
  return set == site_tensors_.end() ? source_->tensor(name) : set->second;
}

}  // namespace qreason
