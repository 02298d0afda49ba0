#include "quantize/methods/methods.h"
#include "quantize/methods/target_parameters.h"
#include "quantize/passes/fold_norms.h"
#include "quantize/passes/rotate_down.h"
#include "quantize/passes/rotate_keys.h"
#include "quantize/passes/rotate_residual.h"
#include "quantize/passes/rotate_values.h"
#include "quantize/passes/round_gptq.h"

namespace qreason {

Recipe quarot(Target target, ParameterReader& parameters) {
  apply_weight_parameters(target, parameters);
  apply_range_search(target, parameters, RangeSearch::kMse);
  apply_runtime_parameters(target, parameters, {.activation = 0.9, .cache = 0.95});

  std::vector<PassPointer> passes;
  if (target.weight || target.activation) {
    ResidualRotation residual;
    if (parameters.has("rotation_signs")) residual.signs = parameters.text("rotation_signs", "");
    const bool full = parameters.flag("full_output_rotation", false);
    passes = {fold_norms(), rotate_residual(residual),
              rotate_values(full ? ValueRotation::kFull : ValueRotation::kPerHead),
              rotate_down(target.tensor_parallel)};
  }
  if (target.keys) passes.push_back(rotate_keys());

  Recipe recipe = runtime_recipe(target);
  recipe.passes.insert(recipe.passes.begin(), passes.begin(), passes.end());
  if (!target.weight) return recipe;
  const GptqSettings defaults = target.per_channel() ? per_channel_gptq() : GptqSettings{};
  recipe.calibration = read_calibration(parameters);
  recipe.passes.push_back(round_gptq({.format = *target.weight}, read_gptq_settings(parameters, defaults)));
  return recipe;
}

}  // namespace qreason
