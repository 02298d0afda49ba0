#include <ATen/ops/from_blob.h>

#include <cstring>
#include <map>

#include "model/reference_block.h"
#include "quantize/walked_block.h"

namespace qreason {
namespace {

// The angles of the sequences of a walk, made once for all blocks.
class WalkAngles {
 public:
  WalkAngles(const ModelConfig& config, const ReferenceOptions& options)
      : config_(config), options_(options), rope_(config) {}
  const ReferenceAngles& of(std::int64_t length) {
    const auto found = made_.find(length);
    if (found != made_.end()) return found->second;
    return made_.emplace(length, reference_angles(rope_, config_, length, options_)).first->second;
  }

 private:
  ModelConfig config_;
  ReferenceOptions options_;
  RopeTable rope_;
  std::map<std::int64_t, ReferenceAngles> made_;  // by length
};

class ReferenceWalkedBlock : public WalkedBlock {
 public:
  ReferenceWalkedBlock(const WeightSource& source, std::int64_t layer, WalkAngles& angles,
                       const ReferenceOptions& options)
      : angles_(angles), options_(options), block_(source, layer, options) {
    const ModelConfig& config = source.config();
    shape_ = {config.hidden_size, config.heads * config.head_dim, config.kv_heads * config.head_dim,
              config.intermediate_size};
  }

  const BlockShape& shape() const override { return shape_; }

  void attention_input(const float* h, std::int64_t rows, float* x) override {
    take(block_.attention_input(bring(h, rows, shape_.hidden)), x);
  }
  Projections project(const float* x, std::int64_t rows, Rotation rotation) override {
    ReferenceBlock::Projections found = block_.project(bring(x, rows, shape_.hidden));
    if (rotation == Rotation::kAfter) found = block_.position(found, angles_.of(rows));
    kept_ = {hosted(found.queries), hosted(found.keys), hosted(found.values)};
    return {kept_.queries.const_data_ptr<float>(), kept_.keys.const_data_ptr<float>(),
            kept_.values.const_data_ptr<float>()};
  }
  void attend(const float* x, std::int64_t rows, float* a) override {
    const ReferenceBlock::Projections found = block_.project(bring(x, rows, shape_.hidden));
    take(block_.attention(block_.position(found, angles_.of(rows))), a);
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

  WalkAngles& angles_;
  ReferenceOptions options_;
  ReferenceBlock block_;
  BlockShape shape_;
  ReferenceBlock::Projections kept_;
};

class ReferenceBlocks : public WalkedBlocks {
 public:
  ReferenceBlocks(const ModelConfig& config, at::Device device)
      : options_{.type = at::kFloat, .device = device, .quantizers = Quantizers::kOff}, angles_(config, options_) {}
  std::unique_ptr<WalkedBlock> open(const WeightSource& source, std::int64_t layer) override {
    return std::make_unique<ReferenceWalkedBlock>(source, layer, angles_, options_);
  }

 private:
  ReferenceOptions options_;
  WalkAngles angles_;
};

}  // namespace

std::unique_ptr<WalkedBlocks> reference_blocks(const ModelConfig& config, at::Device device) {
  return std::make_unique<ReferenceBlocks>(config, device);
}

}  // namespace qreason
