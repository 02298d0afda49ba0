// One decoder block (of every class in model/architecture.h), as stages that can be run one after another.
//
//   x  = rms_norm(h, input gain)                 attention_input     site attn_in
//   q, k, v = q(x), k(x), v(x)                   project             (k without its bias where keys are quantized so)
//   q, k = rms_norm(q), rms_norm(k)                                  every head, where the model has norms of heads
//   q, k = rope(q), rope(k)                      rotate              site key: queries and keys; site value: values
//   pages <- k, v                                append
//   a  = attention(q, pages)                     attention           within the layer's window; site attn_out
//   h += o(a)                                    add_attention
//   m  = rms_norm(h, post gain)                  mlp_input           site mlp_in
//   u  = silu(gate(m)) * up(m)                   mlp_middle          site mlp_mid
//   h += down(u)                                 add_mlp
//
// `forward` is their composition and what serving runs; calibration runs the stages and looks at what lies between.
// All activations are float32, row-major, one row a token.
//
// The block executes its BlockPlan: at a site rows are transformed, then rounded; keys are rounded before or after RoPE
// or before their bias, as the plan says. Row-parallel linears of a plan of degree t > 1 are, on one process as on t,
//
//   h += ((p_0 + bias) + p_1) + ... + p_(t-1)    p_r: the product of the r-th shard of columns, r the rank
//
// Where the executor's communicator has several processes, each computes the products of its own shards; all else, and
// the sum, every process computes whole.
//
// Rows, weights and cache lie in the memory of a backend, and only kernels touch them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/attention.h"
#include "kernels/buffer.h"
#include "kernels/executor.h"
#include "kernels/site_rows.h"
#include "model/config.h"
#include "model/learned_clips.h"
#include "model/linear.h"
#include "model/plan.h"
#include "model/rope_table.h"
#include "model/row_transform.h"
#include "model/static_ranges.h"
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
  Buffer<float> x, q, k, v, a, gate, up;
  CodedRows codes;  // of the site in work
  void reserve(const BlockShape& shape, std::int64_t rows, const Backend& backend);
};

class Block {
 public:
  // Runs on executors of the place's backend.
  Block(const WeightSource& source, std::int64_t layer, const RopeTable& rope, ComputeType type,
        const WeightPlace& place = {});

  // A stage that ends in a site returns what the site's linears read. With `codes` a quantizer leaves its codes there
  // and the floats unrounded, and products of codes are of whole numbers where they can be (kernels/code_products.h);
  // without, as calibration looks at it, it rounds the floats.
  SiteRows attention_input(const float* h, std::int64_t rows, float* x, Executor& executor,
                           CodedRows* codes = nullptr) const;
  // Queries, keys and values of the rows stay in scratch.q, .k, .v from `project` to `attention`.
  void project(const SiteRows& x, std::int64_t rows, BlockScratch& scratch, Executor& executor) const;
  void rotate(const BlockBatch& batch, BlockScratch& scratch, Executor& executor) const;
  // What the plan rounds here is rounded by the cache where it holds codes (an Error while quantizers are off), else
  // before it is appended.
  void append(const BlockBatch& batch, BlockScratch& scratch, Executor& executor) const;
  SiteRows attention(const BlockBatch& batch, BlockScratch& scratch, float* a, Executor& executor,
                     CodedRows* codes = nullptr) const;
  // The four in a row.
  SiteRows attend(const SiteRows& x, const BlockBatch& batch, BlockScratch& scratch, float* a, Executor& executor,
                  CodedRows* codes = nullptr) const;
  void add_attention(float* h, const SiteRows& a, std::int64_t rows, Executor& executor) const;
  SiteRows mlp_input(const float* h, std::int64_t rows, float* m, Executor& executor, CodedRows* codes = nullptr) const;
  SiteRows mlp_middle(const SiteRows& m, std::int64_t rows, BlockScratch& scratch, float* u, Executor& executor,
                      CodedRows* codes = nullptr) const;
  void add_mlp(float* h, const SiteRows& u, std::int64_t rows, Executor& executor) const;

  // h [rows, hidden] in place.
  void forward(float* h, const BlockBatch& batch, BlockScratch& scratch, Executor& executor) const;

  // Replaces a linear's matrix, and its bias where `weight` has one: how passes put their result in place.
  void replace(LinearSlot slot, const LinearWeight& weight, ThreadPool* pool = nullptr);

  void replace_gain(BlockNorm norm, const at::Tensor& gain);  // [width of the norm]

  const BlockShape& shape() const { return shape_; }
  const AttentionShape& attention_shape() const { return attention_; }
  std::uint64_t bytes() const;
  std::string explain(std::int64_t rows) const;  // one line a linear: the kernel a step of so many rows takes
  void set_quantizers(Quantizers state) { quantizers_ = state; }

 private:
  std::string explain(LinearSlot slot, std::int64_t rows) const;
  void load_linear(const WeightSource& source, std::int64_t layer, LinearSlot slot, ThreadPool* pool);
  void load_site(const WeightSource& source, std::int64_t layer, Site site);
  // Transform and quantizer of a site that linears read.
  SiteRows finish_site(Site site, float* rows_data, std::int64_t rows, Executor& executor, CodedRows* codes) const;
  void quantize_keys(KeyStage stage, float* keys, std::int64_t rows, Executor& executor) const;
  void quantize_cache_rows(Site site, float* rows_data, std::int64_t rows, Executor& executor) const;
  RowQuantizer quantizer(Site site) const;  // of a site with a format
  const std::optional<StaticRanges>& ranges_of(Site site) const { return ranges_[static_cast<std::size_t>(site)]; }
  void add_row_parallel(LinearSlot slot, const SiteRows& x, std::int64_t rows, float* h, Executor& executor) const;
  const std::optional<RowTransform>& transform_of(Site site) const {
    return transforms_[static_cast<std::size_t>(site)];
  }
  KeyStage key_stage() const { return plan_.at(Site::kKey).key_stage; }
  const Linear& linear(LinearSlot slot) const { return linears_[static_cast<std::size_t>(slot)]; }
  const Buffer<float>& gain(BlockNorm norm) const { return gains_[static_cast<std::size_t>(norm)]; }
  std::int64_t width_of(BlockNorm norm) const;
  void norm_heads(BlockNorm norm, float* heads, std::int64_t count, Executor& executor) const;

  BlockShape shape_;
  AttentionShape attention_;
  ComputeType type_;
  const Backend* backend_;
  BlockPlan plan_;
  int degree_;  // of tensor parallelism
  const RopeTable* rope_;
  float epsilon_;
  std::array<Buffer<float>, kBlockNorms.size()> gains_;  // of heads empty where the model has no such norms
  std::array<Linear, kLinearSlots.size()> linears_;
  std::array<std::optional<RowTransform>, kSites.size()> transforms_;
  std::optional<RowTransform> query_transform_;
  std::array<std::optional<LearnedClips>, kSites.size()> clips_;
  std::array<std::optional<StaticRanges>, kSites.size()> ranges_;
  std::array<float, kSites.size()> global_scales_{};  // of NVFP4; 0: none of their own
  Quantizers quantizers_ = Quantizers::kOn;
};

}  // namespace qreason
