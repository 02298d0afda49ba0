// What the model makes of other hidden states behind one of its blocks: how far its predictions move.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/executor.h"
#include "kernels/packed_matrix.h"
#include "model/weights.h"

namespace qreason {

// Beginnings of sequences, each from its first position: rows of the hidden size, one after another.
using HiddenStates = std::vector<std::vector<float>>;

class ModelBehind {
 public:
  // A float model; both outlive the object. `device` as of the calibration walks (quantize/walked_block.h): the head is
  // the executor's. Nothing is read before it is asked for.
  ModelBehind(const WeightSource& source, std::optional<at::Device> device, Executor& executor);

  // KL(p || q) in nats, the mean over all positions: p is what the model predicts next from `found` behind block
  // `layer`, q from each of `trials` in its place. Blocks and head run in float32, quantizers of activations and cache
  // off.
  std::vector<double> divergences(std::int64_t layer, HiddenStates found, std::vector<HiddenStates> trials);

 private:
  void pack_head();
  void logits(const float* rows, std::int64_t count, std::vector<float>& out);
  void run_blocks(std::int64_t first, HiddenStates& found, std::vector<HiddenStates>& trials);

  const WeightSource& source_;
  std::optional<at::Device> device_;
  Executor& executor_;
  PackedMatrix head_;
  std::vector<float> gain_, normed_;
};

}  // namespace qreason
