#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <cstring>

#include "model/reference_block.h"
#include "quantize/walked_block.h"

namespace qreason {
namespace {

class ReferenceWalkedBlock : public WalkedBlock {
 public:
  ReferenceWalkedBlock(const WeightSource& source, std::int64_t layer, const RopeTable& rope,
                       const ReferenceOptions& options)
      : config_(source.config()), rope_(rope), options_(options), block_(source, layer, options) {
    shape_ = {config_.hidden_size, config_.heads * config_.head_dim, config_.kv_heads * config_.head_dim,
              config_.intermediate_size};
  }

  const BlockShape& shape() const override { return shape_; }

  void attention_input(const float* h, std::int64_t rows, float* x) override {
    take(block_.attention_input(bring(h, rows, shape_.hidden)), x);
  }
  Projections project(const float* x, std::int64_t rows, Rotation rotation) override {
    const at::NoGradGuard guard;
    ReferenceBlock::Projections found = block_.project(bring(x, rows, shape_.hidden));
    if (rotation == Rotation::kAfter) found = block_.position(found, angles(rows));
    kept_ = {hosted(found.queries), hosted(found.keys), hosted(found.values)};
    return {kept_.queries.const_data_ptr<float>(), kept_.keys.const_data_ptr<float>(),
            kept_.values.const_data_ptr<float>()};
  }
  void attend(const float* x, std::int64_t rows, float* a) override {
    const ReferenceBlock::Projections found = block_.project(bring(x, rows, shape_.hidden));
    take(block_.attention(block_.position(found, angles(rows))), a);
  }
  void add_attention(float* h, const float* a, std::int64_t rows) override {
    take(block_.add_attention(bring(h, rows, shape_.hidden), bring(a, rows, shape_.query)), h);
  }
  void mlp_input(const float* h, std::int64_t rows, float* m) override {
    take(block_.mlp_input(bring(h, rows, shape_.hidden)), m);
  }
  void mlp_middle(const float* m, std::int64_t rows, float* u) override {
    take(block_.mlp_middle(bring(m, rows, shape_.hidden)), u);
  }
  void add_mlp(float* h, const float* u, std::int64_t rows) override {
    take(block_.add_mlp(bring(h, rows, shape_.hidden), bring(u, rows, shape_.intermediate)), h);
  }

  void replace(LinearSlot slot, const LinearWeight& weight) override {
    block_.weight(slot) = placed(weight.dense_float32());
    if (weight.bias) block_.bias(slot) = placed(*weight.bias);
  }
  void replace_gain(BlockNorm norm, const at::Tensor& gain) override {
    (norm == BlockNorm::kInput ? block_.input_gain() : block_.post_gain()) = placed(gain);
  }

 private:
  at::Tensor placed(const at::Tensor& tensor) const { return tensor.to(options_.device, options_.type); }
  at::Tensor bring(const float* rows, std::int64_t count, std::int64_t width) const {
    return placed(at::from_blob(const_cast<float*>(rows), {1, count, width}, at::kFloat));
  }
  static at::Tensor hosted(const at::Tensor& rows) { return rows.to(at::kCPU, at::kFloat).contiguous(); }
  static void take(const at::Tensor& rows, float* to) {
    const at::Tensor found = hosted(rows);
    std::memcpy(to, found.const_data_ptr<float>(), static_cast<std::size_t>(found.numel()) * sizeof(float));
  }
  ReferenceAngles angles(std::int64_t rows) const { return reference_angles(rope_, config_, rows, options_); }

  ModelConfig config_;
  const RopeTable& rope_;
  ReferenceOptions options_;
  ReferenceBlock block_;
  BlockShape shape_;
  ReferenceBlock::Projections kept_;
};

class ReferenceBlocks : public WalkedBlocks {
 public:
  ReferenceBlocks(const ModelConfig& config, at::Device device)
      : rope_(config), options_{.type = at::kFloat, .device = device, .quantizers = Quantizers::kOff} {}
  std::unique_ptr<WalkedBlock> open(const WeightSource& source, std::int64_t layer) override {
    return std::make_unique<ReferenceWalkedBlock>(source, layer, rope_, options_);
  }

 private:
  RopeTable rope_;
  ReferenceOptions options_;
};

}  // namespace

std::unique_ptr<WalkedBlocks> reference_blocks(const ModelConfig& config, at::Device device) {
  return std::make_unique<ReferenceBlocks>(config, device);
}

}  // namespace qreason
