// The definition of a decoder block, in plain tensor operations: any float type (float64 for exactness), any device,
// differentiable, and executing the whole BlockPlan: online transforms, static parameters, the quantizers of
// activations, keys and values with their stages, row-parallel sums. Packed execution (model/block.h) is an
// optimisation of this and is tested against it; passes that judge or train modules, and devices for which there are
// no kernels, use it as it is.
//
// Rows are [sequences, length, width]; every sequence begins at position 0 and attends to itself, causally. No cache.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "model/plan.h"
#include "model/rope_table.h"
#include "model/weights.h"

namespace qreason {

// The matrices of linears are tensors of the block, or left where they are, for a product of one's own.
enum class LinearMatrices : std::uint8_t { kLoaded, kLeft };

struct ReferenceOptions {
  at::ScalarType type = at::kDouble;
  at::Device device = at::kCPU;
  Quantizers quantizers = Quantizers::kOn;
  LinearMatrices matrices = LinearMatrices::kLoaded;
};

// Cosine and sine of positions 0 to length - 1, each [length, head_dim / 2]: those of model/rope_table.h for a prompt
// of that length.
struct ReferenceAngles {
  at::Tensor cosine, sine;
};
ReferenceAngles reference_angles(const RopeTable& rope, const ModelConfig& config, std::int64_t length,
                                 const ReferenceOptions& options);

// Which keys of a sequence a query does not see, bool [length, length] by (query, key): later ones, and those before
// the window (0: there is none).
at::Tensor unseen_keys(std::int64_t length, std::int64_t window, at::Device device);

class ReferenceBlock {
 public:
  // Weights and parameters as tensors of the options' type and device; quantized weights decoded.
  ReferenceBlock(const WeightSource& source, std::int64_t layer, const ReferenceOptions& options);

  // The stages of model/block.h. What a site hands on is transformed and rounded.
  at::Tensor attention_input(const at::Tensor& h) const;  // [.., hidden]
  struct Projections {
    at::Tensor queries, keys, values;  // [.., heads * head_dim], [.., kv_heads * head_dim]
  };
  // Keys lack their bias where they are quantized before it; heads are normed where the model has norms of them.
  Projections project(const at::Tensor& x) const;
  // RoPE, transforms, and the quantizers of keys before and after it and of values: what is attended to.
  Projections position(const Projections& projected, const ReferenceAngles& angles) const;
  at::Tensor attention(const Projections& positioned) const;  // [.., heads * head_dim]
  at::Tensor add_attention(const at::Tensor& h, const at::Tensor& a) const;
  at::Tensor mlp_input(const at::Tensor& h) const;
  at::Tensor mlp_middle(const at::Tensor& m) const;  // [.., intermediate]
  at::Tensor add_mlp(const at::Tensor& h, const at::Tensor& u) const;

  at::Tensor forward(const at::Tensor& h, const ReferenceAngles& angles) const;  // [.., hidden] to [.., hidden]

  // Computes x W^T of a linear in place of this, for rows x [.., in]: [.., out]; biases are still added here.
  using Product = std::function<at::Tensor(LinearSlot slot, const at::Tensor& x)>;
  void set_product(Product product) { product_ = std::move(product); }

  // The block's own tensors; assigning replaces them (a pass's candidate, a parameter to train).
  at::Tensor& weight(LinearSlot slot) { return weights_[static_cast<std::size_t>(slot)]; }  // [out, in]
  std::optional<at::Tensor>& bias(LinearSlot slot) { return biases_[static_cast<std::size_t>(slot)]; }
  const std::optional<at::Tensor>& bias(LinearSlot slot) const { return biases_[static_cast<std::size_t>(slot)]; }
  at::Tensor& gain(BlockNorm norm) { return gains_[static_cast<std::size_t>(norm)]; }  // of block_norms
  const at::Tensor& gain(BlockNorm norm) const { return gains_[static_cast<std::size_t>(norm)]; }

 private:
  struct SiteTensors {
    std::optional<at::Tensor> left, right, query, scale, zero;  // [n, n] or [runs, n, n]; [channels] or [1]
    std::optional<at::Tensor> clip_low, clip_high;              // [groups]
    float global_scale = 1.0f;                                  // of NVFP4
  };
  const SiteTensors& tensors(Site site) const { return sites_[static_cast<std::size_t>(site)]; }
  at::Tensor product(LinearSlot slot, const at::Tensor& x, const std::optional<at::Tensor>& bias) const;
  at::Tensor linear(LinearSlot slot, const at::Tensor& x) const { return product(slot, x, bias(slot)); }
  at::Tensor normed(BlockNorm norm, const at::Tensor& rows) const;
  at::Tensor normed_heads(BlockNorm norm, const at::Tensor& rows) const;  // as they are where the model has no norms
  at::Tensor transformed(Site site, const at::Tensor& x, const std::optional<at::Tensor>& right) const;
  at::Tensor finished(Site site, const at::Tensor& x) const;
  at::Tensor quantized_keys(KeyStage stage, const at::Tensor& keys) const;
  at::Tensor quantized_cache(Site site, const at::Tensor& rows) const;
  at::Tensor quantized_runs(Site site, const at::Tensor& rows, std::int64_t run) const;  // of a site with a format

  ModelConfig config_;
  std::int64_t window_;
  BlockPlan plan_;
  Quantizers quantizers_;
  int degree_;
  Product product_;
  std::array<at::Tensor, kLinearSlots.size()> weights_;
  std::array<std::optional<at::Tensor>, kLinearSlots.size()> biases_;
  std::array<at::Tensor, kBlockNorms.size()> gains_;
  std::array<SiteTensors, kSites.size()> sites_;
};

// Logits [sequences, length, vocab] of token ids [sequences, length] (int64) through reference blocks: the definition
// of the whole model, one block in memory at a time.
at::Tensor reference_logits(const WeightSource& source, const at::Tensor& tokens, const ReferenceOptions& options);

}  // namespace qreason
