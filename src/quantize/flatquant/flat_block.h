// A decoder block as FlatQuant trains and folds it (arXiv 2410.09426; methods.md, section 10):
//
//   x = Q((norm(h) diag(d)) (L kron R))      Q: per token and shard, token-range with learned clips
//   w = Q(clip(w diag(1/d) (L^-T kron R^-T)))      what reads x; zero-range, symmetric per row and shard
//   v's rows (and bias) by T_v, values rounded as they come; o reads O^T a with w (O^-T kron T_v^-T)
//   keys T_k and queries T_k^-T after RoPE
//
// Everything else is the reference block's (model/reference_block.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/executor.h"
#include "model/plan.h"
#include "model/reference_block.h"
#include "quantize/flatquant/flat_state.h"

namespace qreason {

// A block with everything folded that folds: float weights to be rounded to nearest, and what stays online.
struct FoldedBlock {
  std::array<at::Tensor, kLinearSlots.size()> weights;  // float32 [out, in]
  std::array<std::optional<at::Tensor>, kLinearSlots.size()> biases;
  at::Tensor input_gain, post_gain;
  struct SiteTensor {
    Site site;
    std::string_view part;  // as in model/plan.h
    at::Tensor values;
  };
  std::vector<SiteTensor> sites;
};

class FlatBlock {
 public:
  // `source` holds the block's float weights; `plan` what the quantized block is: formats, with transforms of `shape`.
  // The executor outlives the object and the gradients of what it computes.
  FlatBlock(const WeightSource& source, std::int64_t layer, const BlockPlan& plan, const FlatShape& shape,
            Executor& executor);

  // h [sequences, length, hidden] through the block as it would be quantized; differentiable in all of `state`.
  at::Tensor forward(const FlatState& state, const at::Tensor& h, const ReferenceAngles& angles);

  // In float64, inverses rounded to float32 as they will be applied.
  FoldedBlock fold(const FlatState& state) const;

 private:
  struct Matrices;
  at::Tensor flattened(LinearSlot slot, const Matrices& matrices) const;  // [out, shards, in / shards]
  at::Tensor fused_weights(LinearSlot slot, const FlatState& state, const Matrices& matrices) const;  // the same shape
  at::Tensor with_value_transform(const at::Tensor& weights, const at::Tensor& value) const;
  at::Tensor value_bias(const at::Tensor& value) const;
  at::Tensor rounded(Site site, const at::Tensor& rows, const FlatState& state) const;
  void put_weights(const FlatState& state, const Matrices& matrices);
  void add_site_tensors(const FlatState& state, const Matrices& matrices, FoldedBlock& folded) const;

  BlockPlan plan_;
  FlatShape shape_;
  Executor& executor_;
  ReferenceBlock block_;  // float; its linears are the rounded ones of the forward in work
  std::array<at::Tensor, kLinearSlots.size()> weights_;
  std::array<std::optional<at::Tensor>, kLinearSlots.size()> biases_;
};

// The four float32 diagonals where training starts: from the weights, and from the largest |x| of every channel of the
// four sites that linears read, [width] each by Site.
FlatDiagonals start_diagonals(const WeightSource& source, std::int64_t layer, const FlatDiagonals& input_maxima);

}  // namespace qreason
