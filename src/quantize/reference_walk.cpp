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

  void attention_input(const at::Tensor& h, const at::Tensor& x) override {
    take(block_.attention_input(h.unsqueeze(0)), x);
  }
  Projections project(const at::Tensor& x, Rotation rotation) override {
    ReferenceBlock::Projections found = block_.project(x.unsqueeze(0));
    if (rotation == Rotation::kAfter) found = block_.position(found, angles_.of(x.size(0)));
    return {found.queries.squeeze(0).contiguous(), found.keys.squeeze(0).contiguous(),
            found.values.squeeze(0).contiguous()};
  }
  void attend(const at::Tensor& x, const at::Tensor& a) override {
    const ReferenceBlock::Projections found = block_.project(x.unsqueeze(0));
    take(block_.attention(block_.position(found, angles_.of(x.size(0)))), a);
  }
  void add_attention(const at::Tensor& h, const at::Tensor& a) override {
    take(block_.add_attention(h.unsqueeze(0), a.unsqueeze(0)), h);
  }
  void mlp_input(const at::Tensor& h, const at::Tensor& m) override { take(block_.mlp_input(h.unsqueeze(0)), m); }
  void mlp_middle(const at::Tensor& m, const at::Tensor& u) override { take(block_.mlp_middle(m.unsqueeze(0)), u); }
  void add_mlp(const at::Tensor& h, const at::Tensor& u) override {
    take(block_.add_mlp(h.unsqueeze(0), u.unsqueeze(0)), h);
  }

  void replace(LinearSlot slot, const LinearWeight& weight) override {
    block_.weight(slot) = placed(weight.dense_float32());
    if (weight.bias) block_.bias(slot) = placed(*weight.bias);
  }
  void replace_gain(BlockNorm norm, const at::Tensor& gain) override { block_.gain(norm) = placed(gain); }

 private:
  at::Tensor placed(const at::Tensor& tensor) const { return tensor.to(options_.device, options_.type); }
  static void take(const at::Tensor& rows, const at::Tensor& to) { to.copy_(rows.squeeze(0)); }

  WalkAngles& angles_;
  ReferenceOptions options_;
  ReferenceBlock block_;
  BlockShape shape_;
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
