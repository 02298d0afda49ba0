// The tensors of one block, read from their source once: whoever packs, rounds or writes them sees the same, and a
// quantized block of a GGUF file is decoded a single time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "model/weights.h"

namespace qreason {

class BlockWeights : public WeightSource {
 public:
  BlockWeights(const WeightSource& source, std::int64_t layer);

  const ModelConfig& config() const override { return source_->config(); }
  const ModelPlan& plan() const override { return *plan_; }
  // Of this block and its sites; all else is the source's.
  LinearWeight linear(const std::string& name) const override;
  at::Tensor tensor(const std::string& name) const override;

  std::int64_t layer() const { return layer_; }
  const LinearWeight& linear(LinearSlot slot) const { return linears_[static_cast<std::size_t>(slot)]; }
  // `revision` tells what is there from all that was or will be there in this block or a copy of it; 0 is the source's.
  void set_linear(LinearSlot slot, LinearWeight weight, int revision) {
    linears_[static_cast<std::size_t>(slot)] = std::move(weight);
    linear_revisions_[static_cast<std::size_t>(slot)] = revision;
  }
  // The linear is not asked for any more: its memory is given back.
  void drop(LinearSlot slot) { linears_[static_cast<std::size_t>(slot)] = {}; }
  int revision(LinearSlot slot) const { return linear_revisions_[static_cast<std::size_t>(slot)]; }
  const at::Tensor& gain(BlockNorm norm) const { return norms_[static_cast<std::size_t>(norm)]; }
  void set_gain(BlockNorm norm, at::Tensor gain, int revision) {
    norms_[static_cast<std::size_t>(norm)] = std::move(gain);
    norm_revisions_[static_cast<std::size_t>(norm)] = revision;
  }
  int revision(BlockNorm norm) const { return norm_revisions_[static_cast<std::size_t>(norm)]; }
  // `plan`, that of the model with all site tensors of the block set, outlives this.
  void set_site_tensor(const std::string& name, at::Tensor tensor, const ModelPlan& plan, int revision) {
    site_tensors_[name] = std::move(tensor);
    plan_ = &plan;
    sites_revision_ = revision;
  }
  int sites_revision() const { return sites_revision_; }

 private:
  const WeightSource* source_;
  std::int64_t layer_;
  std::array<LinearWeight, kLinearSlots.size()> linears_;
  std::array<at::Tensor, kBlockNorms.size()> norms_;
  std::map<std::string, at::Tensor> site_tensors_;
  const ModelPlan* plan_;
  std::array<int, kLinearSlots.size()> linear_revisions_{};
  std::array<int, kBlockNorms.size()> norm_revisions_{};
  int sites_revision_ = 0;
};

}  // namespace qreason
