// Views of exact passes laid over a model as a recipe lays them, and the logits of the result in float64: the
// arithmetic of the passes without the rounding of a checkpoint.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/reference_block.h"
#include "quantize/passes/pass_table.h"
#include "support/random_model.h"

namespace qreason::testing {

inline std::shared_ptr<const ExactPass> exact(const std::string& kind, const ParameterMap& parameters = {}) {
  return std::get<std::shared_ptr<const ExactPass>>(make_pass(kind, parameters, "test"));
}

// A source whose plan has another degree, or lacks the transforms of a site.
class WithPlan : public WeightSource {
 public:
  WithPlan(const WeightSource& source, ModelPlan plan) : source_(source), plan_(std::move(plan)) {}
  const ModelConfig& config() const override { return source_.config(); }
  const ModelPlan& plan() const override { return plan_; }
  LinearWeight linear(const std::string& name) const override { return source_.linear(name); }
  at::Tensor tensor(const std::string& name) const override { return source_.tensor(name); }

 private:
  const WeightSource& source_;
  ModelPlan plan_;
};

class WithoutTransform : public WithPlan {
 public:
  WithoutTransform(const WeightSource& source, Site site) : WithPlan(source, plan_without(source.plan(), site)) {}

 private:
  static ModelPlan plan_without(ModelPlan plan, Site site) {
    for (BlockPlan& block : plan.blocks) block.at(site).transform.reset();
    return plan;
  }
};

class ViewStack {
 public:
  // The outlines are told as a recipe's; `degree` is that of the result's plan.
  ViewStack(const WeightSource& model, const std::vector<std::pair<std::string, ParameterMap>>& passes, int degree,
            Statistics statistics = {})
      : statistics_(std::move(statistics)) {
    ModelOutline outline = outline_of(model.config());
    const WeightSource* last = &model;
    for (const auto& [kind, parameters] : passes) {
      const auto pass = exact(kind, parameters);
      pass->change_outline(outline);
      views_.push_back(pass->view(*last, statistics_));
      last = views_.back().get();
      if (last->plan().blocks != outline.plan.blocks) throw Error("test", "another plan than told", "the outline's");
    }
    ModelPlan plan = last->plan();
    plan.tensor_parallel = degree;
    views_.push_back(std::make_unique<WithPlan>(*last, std::move(plan)));
  }
  const WeightSource& source() const { return *views_.back(); }

 private:
  Statistics statistics_;
  std::vector<std::unique_ptr<WeightSource>> views_;
};

// Logits of some tokens, everything in float64.
inline at::Tensor double_logits(const WeightSource& source) {
  const auto ids = random_tokens(9, source.config().vocab_size, 5);
  const at::Tensor tokens = at::tensor(std::vector<std::int64_t>(ids.begin(), ids.end()), at::kLong).unsqueeze(0);
  return reference_logits(source, tokens, {});
}

// Largest difference over the largest wanted number.
inline double relative_distance(const at::Tensor& got, const at::Tensor& want) {
  return ((got - want).abs().max() / want.abs().max()).item<double>();
}

inline double double_distance(const WeightSource& got, const WeightSource& want) {
  return relative_distance(double_logits(got), double_logits(want));
}

}  // namespace qreason::testing
