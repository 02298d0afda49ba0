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
  // `revision` tells what is there from all that was or will be there in this block or a copy of it; 0 is the source's.
  void set_linear(LinearSlot slot, LinearWeight weight, int revision) {
    linears_[static_cast<std::size_t>(slot)] = std::move(weight);
    linear_revisions_[static_cast<std::size_t>(slot)] = revision;
  }
  int revision(LinearSlot slot) const { return linear_revisions_[static_cast<std::size_t>(slot)]; }
  const at::Tensor& gain(BlockNorm norm) const { return norms_[static_cast<std::size_t>(norm)]; }
  void set_gain(BlockNorm norm, at::Tensor gain, int revision) {
    norms_[static_cast<std::size_t>(norm)] = std::move(gain);
    norm_revisions_[static_cast<std::size_t>(norm)] = revision;
  }
  int revision(BlockNorm norm) const { return norm_revisions_[static_cast<std::size_t>(norm)]; }

 private:
  const WeightSource* source_;
  std::int64_t layer_;
  std::array<LinearWeight, kLinearSlots.size()> linears_;
  std::array<at::Tensor, kBlockNorms.size()> norms_;
  std::array<int, kLinearSlots.size()> linear_revisions_{};
  std::array<int, kBlockNorms.size()> norm_revisions_{};
};

}  // namespace qreason
