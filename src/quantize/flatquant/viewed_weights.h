// The tensors of a visited block as a source of weights, for what is made from one.
#pragma once

#include <string>

#include "base/error.h"
#include "model/weights.h"
#include "quantize/block_visit.h"

namespace qreason {

class ViewedWeights : public WeightSource {
 public:
  // As the block is whenever a tensor is asked for; it outlives this.
  explicit ViewedWeights(const BlockView& block) : block_(block), plan_(uniform_plan(block.config().layers)) {}

  const ModelConfig& config() const override { return block_.config(); }
  const ModelPlan& plan() const override { return plan_; }  // float
  LinearWeight linear(const std::string& name) const override {
    for (const LinearSlot slot : kLinearSlots) {
      if (name == linear_name(block_.layer(), slot)) return block_.linear(slot);
    }
    throw Error(name, "it asked for", "a linear of the visited block");
  }
  at::Tensor tensor(const std::string& name) const override {
    for (const BlockNorm norm : block_norms(config())) {
      if (name == block_tensor_name(block_.layer(), name_of(norm))) return block_.gain(norm);
    }
    throw Error(name, "it asked for", "a norm of the visited block");
  }

 private:
  const BlockView& block_;
  ModelPlan plan_;
};

}  // namespace qreason
