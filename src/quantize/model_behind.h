// What the model makes of other hidden states behind one of its blocks: how far its predictions move.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/executor.h"
#include "model/weights.h"

namespace qreason {

// Beginnings of sequences, each from its first position: contiguous float32 rows [.., hidden] where the blocks run.
using HiddenStates = std::vector<at::Tensor>;

class ModelBehind {
 public:
  // A float model; both outlive the object. `device` as of the calibration walks (quantize/walked_block.h), for the
  // head, too. Nothing is read before it is asked for.
  ModelBehind(const WeightSource& source, std::optional<at::Device> device, Executor& executor);
  ~ModelBehind();

  // KL(p || q) in nats, the mean over all positions: p is what the model predicts next from `found` behind block
  // `layer`, q from each of `trials` in its place; all are changed. Blocks and head run in float32, quantizers of
  // activations and cache off.
  std::vector<double> divergences(std::int64_t layer, HiddenStates found, std::vector<HiddenStates> trials);

 private:
  class Head;
  class PackedHead;
  class TensorHead;
  void run_blocks(std::int64_t first, const HiddenStates& found, const std::vector<HiddenStates>& trials);

  const WeightSource& source_;
  std::optional<at::Device> device_;
  Executor& executor_;
  std::unique_ptr<Head> head_;
};

}  // namespace qreason
