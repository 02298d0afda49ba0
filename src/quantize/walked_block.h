// A block as the calibration walk runs it: the stages of model/block.h on float32 rows, the quantizers of activations
// and cache switched off (methods.md, section 2). The processor's kernels run it, or the reference block in tensors on
// any device of libtorch's.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "kernels/executor.h"
#include "model/block.h"

namespace qreason {

// All rows are one sequence's, from position 0: contiguous float32 tensors [rows, width] where the block computes. What
// a stage makes is written into the tensor that it is given.
class WalkedBlock {
 public:
  virtual ~WalkedBlock() = default;
  virtual const BlockShape& shape() const = 0;

  virtual void attention_input(const at::Tensor& h, const at::Tensor& x) = 0;
  // Heads side by side, biases included. Valid until the next call.
  struct Projections {
    at::Tensor queries, keys, values;
  };
  enum class Rotation { kBefore, kAfter };  // by positions
  virtual Projections project(const at::Tensor& x, Rotation rotation) = 0;
  virtual void attend(const at::Tensor& x, const at::Tensor& a) = 0;
  virtual void add_attention(const at::Tensor& h, const at::Tensor& a) = 0;
  virtual void mlp_input(const at::Tensor& h, const at::Tensor& m) = 0;
  virtual void mlp_middle(const at::Tensor& m, const at::Tensor& u) = 0;
  virtual void add_mlp(const at::Tensor& h, const at::Tensor& u) = 0;

  virtual void replace(LinearSlot slot, const LinearWeight& weight) = 0;
  virtual void replace_gain(BlockNorm norm, const at::Tensor& gain) = 0;
};

// Makes the blocks of one walk, one at a time.
class WalkedBlocks {
 public:
  virtual ~WalkedBlocks() = default;
  virtual std::unique_ptr<WalkedBlock> open(const WeightSource& source, std::int64_t layer) = 0;
};

// Packed blocks on the executor's kernels, whose backend's memory is the host's (an Error else). `longest`: rows of the
// longest sequence.
std::unique_ptr<WalkedBlocks> packed_blocks(const ModelConfig& config, std::int64_t longest, Executor& executor);

// Reference blocks in float32 on a device.
std::unique_ptr<WalkedBlocks> reference_blocks(const ModelConfig& config, at::Device device);

}  // namespace qreason
