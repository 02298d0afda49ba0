// One block of a model in the work of AWQ's first pass.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quantize/block_in_work.h"
#include "quantize/methods/method_table.h"
#include "quantize/runner.h"
#include "support/random_model.h"

namespace qreason::testing {

inline std::span<const float> values_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

inline Recipe recipe_of(const std::string& name, const ParameterMap& parameters = {}) {
  Recipe recipe = make_recipe(name, parameters);
  recipe.calibration = CalibrationSpec{.samples = 4, .length = 32};
  return recipe;
}

// One block of a model in the work of a recipe's first pass.
struct Bench {
  Bench(const WeightSource& model, const Recipe& recipe, std::int64_t layer, std::int64_t tokens = 200,
        const CalibrationWalk::Options& options = {})
      : plan(validate(recipe, model.config())),
        walk(model,
             {random_tokens(tokens, model.config().vocab_size, 1),
              random_tokens(tokens / 2, model.config().vocab_size, 2)},
             options, executor) {
    for (std::int64_t before = 0; before < layer; ++before) {
      walk.enter(model, before);
      walk.leave();
    }
    block.emplace(model, BlockPlans{.quantized = plan, .transformed = model.plan()}, layer,
                  BlockWalks{.original = &walk}, executor);
    block->begin(*std::get<std::shared_ptr<const BlockPass>>(recipe.passes.front()), {});
  }

  at::Tensor rows(BlockView& view, Tap tap) {
    std::vector<at::Tensor> all;
    for (std::int64_t sequence = 0; sequence < view.sequences(); ++sequence) {
      const ActivationRows rows = view.read(tap, sequence);
      all.push_back(at::from_blob(const_cast<float*>(rows.data), {rows.count, rows.width}, at::kFloat).clone());
    }
    return at::cat(all);
  }

  Executor executor{2};
  ModelPlan plan;
  CalibrationWalk walk;
  std::optional<BlockInWork> block;
};

}  // namespace qreason::testing
