// A small random decoder in memory, as a WeightSource: tests that need a model but no file.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <initializer_list>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "model/weights.h"

namespace qreason::testing {

inline ModelConfig small_config(Architecture architecture) {
  ModelConfig config;
  config.architecture = architecture;
  config.hidden_size = 48;
  config.intermediate_size = 80;
  config.layers = 3;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 12;
  config.vocab_size = 101;
  config.max_positions = 256;
  config.rope_theta = 10000;
  config.qkv_bias = architecture == Architecture::kQwen2;
  config.tied_embeddings = architecture == Architecture::kQwen2;
  config.query_key_norm = architecture == Architecture::kQwen3;
  if (architecture == Architecture::kMistral) config.sliding_window = SlidingWindow{.size = 5, .layers = {}};
  return config;
}

// Of every architecture; and what only some models of one have: windows in some blocks, biases beside norms of heads,
// heads that are together wider than the rows.
inline std::vector<ModelConfig> small_configs() {
  std::vector<ModelConfig> configs;
  for (const Architecture architecture : kArchitectures) configs.push_back(small_config(architecture));
  ModelConfig some = small_config(Architecture::kQwen2);
  some.sliding_window = SlidingWindow{.size = 3, .layers = {false, true, true}};
  configs.push_back(some);
  ModelConfig wide = small_config(Architecture::kQwen3);
  wide.head_dim = 16;
  wide.qkv_bias = wide.output_bias = wide.tied_embeddings = true;
  configs.push_back(wide);
  return configs;
}

class RandomModel : public WeightSource {
 public:
  explicit RandomModel(ModelConfig config, std::uint64_t seed = 1, at::ScalarType type = at::kFloat)
      : config_(std::move(config)), plan_(uniform_plan(config_.layers)), generator_(seed) {
    const std::int64_t hidden = config_.hidden_size;
    add("model.embed_tokens.weight", {config_.vocab_size, hidden}, 1.0, type);
    add("model.norm.weight", {hidden}, 0.2, type, 1.0);
    if (!config_.tied_embeddings) add("lm_head.weight", {config_.vocab_size, hidden}, 0.3, type);
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
      const std::string prefix = "model.layers." + std::to_string(layer) + ".";
      add(prefix + "input_layernorm.weight", {hidden}, 0.2, type, 1.0);
      add(prefix + "post_attention_layernorm.weight", {hidden}, 0.2, type, 1.0);
      for (const LinearSlot slot : kLinearSlots) add_linear(layer, slot, type);
      if (!config_.query_key_norm) continue;
      add(prefix + "self_attn.q_norm.weight", {config_.head_dim}, 0.2, type, 1.0);
      add(prefix + "self_attn.k_norm.weight", {config_.head_dim}, 0.2, type, 1.0);
    }
  }

  const ModelConfig& config() const override { return config_; }
  const ModelPlan& plan() const override { return plan_; }
  LinearWeight linear(const std::string& name) const override {
    LinearWeight weight{.matrix = tensor(name + ".weight")};
    if (const auto bias = tensors_.find(name + ".bias"); bias != tensors_.end()) {
      weight.bias = bias->second.to(bias->second.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
    }
    return weight;
  }
  at::Tensor tensor(const std::string& name) const override { return tensors_.at(name); }

  void set_tensor(const std::string& name, const at::Tensor& tensor) { tensors_.insert_or_assign(name, tensor); }
  void set_plan(ModelPlan plan) { plan_ = std::move(plan); }

 private:
  void add_linear(std::int64_t layer, LinearSlot slot, at::ScalarType type) {
    const auto [out, in, has_bias] = linear_shape(config_, slot);
    const std::string name = linear_name(layer, slot);
    add(name + ".weight", {out, in}, 1.5 / std::sqrt(static_cast<double>(in)), type);
    if (has_bias) add(name + ".bias", {out}, 0.5, type);
  }

  void add(const std::string& name, std::initializer_list<std::int64_t> shape, double deviation, at::ScalarType type,
           double mean = 0) {
    const at::Tensor values = at::empty(at::IntArrayRef(shape.begin(), shape.size()), at::kFloat);
    std::normal_distribution<double> normal(mean, deviation);
    for (float& value : std::span(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()))) {
      value = static_cast<float>(normal(generator_));
    }
    tensors_.emplace(name, values.to(type));
  }

  ModelConfig config_;
  ModelPlan plan_;
  std::mt19937_64 generator_;
  std::map<std::string, at::Tensor> tensors_;
};

// Token ids that depend on nothing but the seed.
inline std::vector<std::int32_t> random_tokens(std::int64_t count, std::int64_t vocabulary, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>(generator() % static_cast<std::uint64_t>(vocabulary)));
  }
  return tokens;
}

}  // namespace qreason::testing
