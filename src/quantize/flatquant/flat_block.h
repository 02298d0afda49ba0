// A decoder block as FlatQuant trains and folds it (arXiv 2410.09426; methods.md, section 10):
//
//   x = Q((norm(h) diag(d)) (L kron R))      Q: per token and shard, token-range with learned clips
//   w = Q(clip(w diag(1/d) (L^-T kron R^-T)))      what reads x; zero-range, symmetric per row and shard
//   v's rows (and bias) by T_v, values rounded as they come; o reads O^T a with w (O^-T kron T_v^-T)
//   keys T_k and queries T_k^-T after RoPE
//
// Everything else is the reference block's (model/reference_block.h). At most kWeightsAtOnce transformed weights are in
// memory at a time, whatever the block's size (quantize/flatquant/linear_product.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/executor.h"
#include "model/plan.h"
#include "model/reference_block.h"
#include "model/weights.h"
#include "quantize/flatquant/flat_state.h"

namespace qreason {

// A block with everything folded that folds: float weights to be rounded to nearest, and what stays online.
struct FoldedBlock {
  std::function<at::Tensor(LinearSlot slot)> weights;  // float32 [out, in], made when asked for
  std::array<std::optional<at::Tensor>, kLinearSlots.size()> biases;
  at::Tensor input_gain, post_gain;
  struct SiteTensor {
    Site site;
    std::string_view part;  // as in model/plan.h
    at::Tensor values;
  };
  std::vector<SiteTensor> sites;
};

inline constexpr std::int64_t kWeightsAtOnce = std::int64_t{1} << 26;

class FlatBlock {
 public:
  // `source` holds the block's float weights; `plan` what the quantized block is: formats, with transforms of `shape`.
  // Computes on `device`, where states, rows and angles are then; on the processor by the executor's kernels, which
  // outlives the object and the gradients of what it computes.
  FlatBlock(const WeightSource& source, std::int64_t layer, const BlockPlan& plan, const FlatShape& shape,
            Executor& executor, at::Device device = at::kCPU);

  // h [sequences, length, hidden] through the block as it would be quantized; differentiable in all of `state`.
  at::Tensor forward(const FlatState& state, const at::Tensor& h, const ReferenceAngles& angles);

  // In float64, inverses rounded to float32 as they will be applied. This outlives what it returns, which is on the
  // host.
  FoldedBlock fold(const FlatState& state) const;

 private:
  struct Matrices;
  // Rows of a linear: some outputs, whole heads of them.
  struct Slice {
    LinearSlot slot;
    std::int64_t first, count;
  };
  std::vector<Slice> slices_of(LinearSlot slot, std::int64_t most) const;
  at::Tensor weights_of(const Slice& slice) const;  // float32
  std::int64_t shards_of(LinearSlot slot) const { return is_row_parallel(slot) ? shape_.shards : 1; }
  std::vector<at::Tensor> parts_of(const Slice& slice, const FlatState& state, const Matrices& matrices) const;
  at::Tensor rounded_weights(const Slice& slice, const std::vector<at::Tensor>& parts) const;
  at::Tensor product(LinearSlot slot, const at::Tensor& x, const FlatState& state, const Matrices& matrices) const;
  at::Tensor folded_weights(LinearSlot slot, const FlatState& state, const Matrices& matrices) const;
  at::Tensor with_value_transform(const at::Tensor& weights, const at::Tensor& value) const;
  at::Tensor value_bias(const at::Tensor& value) const;
  at::Tensor rounded(Site site, const at::Tensor& rows, const FlatState& state) const;
  void add_site_tensors(const FlatState& state, const Matrices& matrices, FoldedBlock& folded) const;

  BlockPlan plan_;
  FlatShape shape_;
  std::int64_t window_;  // of the attention; 0: there is none
  Executor& executor_;
  ReferenceBlock block_;                                   // float, without its linears' matrices
  std::array<LinearWeight, kLinearSlots.size()> weights_;  // as they are stored; on a device: dense, there
};

// The four float32 diagonals where training starts: from the weights, and from the largest |x| of every channel of the
// four sites that linears read, [width] each by Site.
FlatDiagonals start_diagonals(const WeightSource& source, std::int64_t layer, const FlatDiagonals& input_maxima);

}  // namespace qreason
