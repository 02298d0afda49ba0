// A table of plans that together say all that a plan can, and small models with the tensors that they name.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "model/plan.h"
#include "support/random_model.h"

namespace qreason::testing {

inline RandomModel model_with(Architecture architecture, const std::vector<const char*>& rules, int degree,
                              std::uint64_t seed) {
  RandomModel model(small_config(architecture), seed);
  ModelPlan plan = uniform_plan(model.config().layers, {}, degree);
  for (const char* rule : rules) apply_rule(plan, rule, "test");
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  for (const PlanTensor& named : plan_tensors(model.config(), plan)) {
    at::Tensor values = at::empty(named.shape, at::kFloat);
    const double size = std::sqrt(static_cast<double>(named.shape.back()));
    for (float& value : std::span(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()))) {
      value = static_cast<float>(normal(random) / size);
    }
    if (named.name.ends_with(kStaticScale)) values = values.abs() * 0.05 + 0.03;
    if (named.name.ends_with(kStaticZero)) values = (values * 50 + 128).round();
    if (named.name.ends_with(kStaticGlobalScale)) values = values.abs() * 100 + 200;
    if (named.name.ends_with(kClipMin) || named.name.ends_with(kClipMax)) values = at::sigmoid(values * 3 + 1);
    model.set_tensor(named.name, values);
  }
  for (std::int64_t layer = 0; layer < model.config().layers; ++layer) {
    for (const Site site : kSites) {
      const SitePlan& said = plan.block(layer).at(site);
      if (!said.format || said.format->symmetry == Symmetry::kAsymmetric) continue;
      for (const PlanTensor& named : site_tensors(model.config(), said, layer, site)) {
        if (named.name.ends_with(kStaticZero)) model.set_tensor(named.name, at::zeros(named.shape));
      }
    }
  }
  model.set_plan(plan);
  return model;
}

struct PlanCase {
  const char* name;
  std::vector<const char*> rules;
  int degree = 1;
  enum class Rounds { kNo, kYes } rounds = Rounds::kYes;

  // All in turn; keys before their bias need one, which Qwen2's have.
  Architecture architecture_of(std::uint64_t seed) const {
    const bool biased = std::string(name) == "bare keys";
    const std::size_t turn = seed + std::string(name).size();
    return biased ? Architecture::kQwen2 : kArchitectures[turn % kArchitectures.size()];
  }
};

inline const std::vector<PlanCase>& plan_cases() {
  using Rounds = PlanCase::Rounds;
  static const std::vector<PlanCase> cases{
      {"float", {}, 1, Rounds::kNo},
      {"shards", {}, 2, Rounds::kNo},
      {"hadamards",
       {"attn_in = hadamard16", "mlp_mid = hadamard80/5-each", "value = hadamard4", "attn_out = hadamard4x12",
        "mlp_in = hadamard6/3x8"},
       1,
       Rounds::kNo},
      {"factors", {"mlp_in = kronecker6x8", "attn_out = across4x12", "key = dense12"}, 1, Rounds::kNo},
      {"one block", {"blocks[1].mlp_mid = kronecker8x5-each", "blocks[0].value = dense12-each"}, 1, Rounds::kNo},
      {"a8kv4", {"attn_in, attn_out, mlp_in, mlp_mid = a8-token-asym", "key = k4-head-asym", "value = v4-head-asym"}},
      {"symmetric runs", {"mlp_in = a8-g16-sym", "key = k8-g6-sym before-rope", "value = v8-g6-asym-clip0.9"}},
      {"small floats", {"mlp_mid = a:fp8e4m3", "attn_in = a:fp8e5m2-g16", "value = v:fp8e5m2-head"}},
      {"known ranges",
       {"attn_in, attn_out = a8-tensor-asym static", "mlp_in = a:fp8e4m3-tensor static", "mlp_mid = a:nvfp4 static",
        "key = k:fp8e4m3-tensor static", "value = v8-tensor-sym static"}},
      {"bare keys", {"key = k4-channel-asym static before-bias", "value = v8-head-asym"}},
      {"learned clips",
       {"attn_in, mlp_in = a4-token-asym learned-clip", "mlp_mid = a4-g40-asym learned-clip kronecker5x8-each",
        "key = k4-head-asym learned-clip dense12", "value = v4-head-sym learned-clip"},
       2},
      {"rotated", {"mlp_mid = a8-token-asym hadamard16", "key = k8-head-asym hadamard4", "value = v8-head-sym"}},
  };
  return cases;
}

}  // namespace qreason::testing
