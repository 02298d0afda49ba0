// The tensors of one block, read from their source once: whoever packs, rounds or writes them sees the same, and a
// quantized block of a GGUF file is decoded a single time.
#pragma once

#include <array>
#include <cstdint>

#include "model/weights.h"

namespace qreason {

class BlockWeights : public WeightSource {
 public:
  BlockWeights(const WeightSource& source, std::int64_t layer);

  const ModelConfig& config() const override { return source_->config(); }
  const ModelPlan& plan() const override { return source_->plan(); }
  // Of this block; all else is the source's.
  LinearWeight linear(const std::string& name) const override;
  at::Tensor tensor(const std::string& name) const override;

  std::int64_t layer() const { return layer_; }
  const LinearWeight& linear(LinearSlot slot) const { return linears_[static_cast<std::size_t>(slot)]; }
  void set_linear(LinearSlot slot, LinearWeight weight) {
    linears_[static_cast<std::size_t>(slot)] = std::move(weight);
  }
  const at::Tensor& gain(BlockNorm norm) const { return norms_[static_cast<std::size_t>(norm)]; }
  void set_gain(BlockNorm norm, at::Tensor gain) { norms_[static_cast<std::size_t>(norm)] = std::move(gain); }

 private:
  const WeightSource* source_;
  std::int64_t layer_;
  std::array<LinearWeight, kLinearSlots.size()> linears_;
  std::array<at::Tensor, kBlockNorms.size()> norms_;
};

}  // namespace qreason
