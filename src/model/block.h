// One decoder block (Llama and Qwen2), as stages that can be run one after another.
//
//   x  = rms_norm(h, input gain)                 attention_input     site attn_in
//   a  = attention(rope(q(x)), rope(k(x)), v(x)) attend              site attn_out
//   h += o(a)                                    add_attention
//   m  = rms_norm(h, post gain)                  mlp_input           site mlp_in
//   u  = silu(gate(m)) * up(m)                   mlp_middle          site mlp_mid
//   h += down(u)                                 add_mlp
//
// `forward` is their composition and what serving runs; calibration runs the stages and looks at what lies between.
// All activations are float32, row-major, one row a token.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/attention.h"
#include "kernels/executor.h"
#include "model/config.h"
#include "model/linear.h"
#include "model/plan.h"
#include "model/rope_table.h"
#include "model/weights.h"

namespace qreason {

struct BlockShape {  // widths of the rows between the stages
  std::int64_t hidden = 0, query = 0, key_value = 0, intermediate = 0;
};

// Rows of one step: which run of rows belongs to which sequence and position, with this layer's part of the cache.
struct BlockBatch {
  std::int64_t rows = 0;
  const std::int32_t* positions = nullptr;  // [rows]
  // Their angles: rows of [.., head_dim / 2] that `positions` then counts; null: the block's rope table.
  const float* cosine = nullptr;
  const float* sine = nullptr;
  AttentionBatch attention;
};

// Scratch rows shared by all blocks of a model; grows as needed.
struct BlockScratch {
  std::vector<float> x, q, k, v, a, gate, up;
  void reserve(const BlockShape& shape, std::int64_t rows);
};

class Block {
 public:
  // `pool` packs the weights; without one the caller's thread does.
  Block(const WeightSource& source, std::int64_t layer, const RopeTable& rope, ComputeType type,
        ThreadPool* pool = nullptr);

  void attention_input(const float* h, std::int64_t rows, float* x, Executor& executor) const;
  void attend(const float* x, const BlockBatch& batch, BlockScratch& scratch, float* a, Executor& executor) const;
  void add_attention(float* h, const float* a, std::int64_t rows, Executor& executor) const;
  void mlp_input(const float* h, std::int64_t rows, float* m, Executor& executor) const;
  void mlp_middle(const float* m, std::int64_t rows, BlockScratch& scratch, float* u, Executor& executor) const;
  void add_mlp(float* h, const float* u, std::int64_t rows, Executor& executor) const;

  // h [rows, hidden] in place.
  void forward(float* h, const BlockBatch& batch, BlockScratch& scratch, Executor& executor) const;

  // Replaces a linear's matrix (its bias stays): how rounding passes put their result in place.
  void replace(LinearSlot slot, const LinearWeight& weight);

  const BlockShape& shape() const { return shape_; }
  const AttentionShape& attention_shape() const { return attention_; }
  std::uint64_t bytes() const;
  std::string explain(std::int64_t rows) const;  // one line a linear: the kernel a step of so many rows takes
  // Activation and cache quantizers off while calibrating (methods.md, section 2).
  enum class Quantizers { kOn, kOff };
  void set_quantizers(Quantizers state) { quantizers_ = state; }

 private:
  void load_linear(const WeightSource& source, std::int64_t layer, LinearSlot slot, ThreadPool* pool);
  void quantize_site(Site site, float* rows_data, std::int64_t rows, std::int64_t width, Executor& executor) const;
  void quantize_cache_rows(Site site, float* rows_data, std::int64_t rows, Executor& executor) const;
  const Linear& linear(LinearSlot slot) const { return linears_[static_cast<std::size_t>(slot)]; }

  BlockShape shape_;
  AttentionShape attention_;
  ComputeType type_;
  BlockPlan plan_;
  const RopeTable* rope_;
  float epsilon_;
  std::vector<float> input_gain_, post_gain_;
  std::array<Linear, kLinearSlots.size()> linears_;
  Quantizers quantizers_ = Quantizers::kOn;
};

}  // namespace qreason
