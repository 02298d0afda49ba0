#include "quantize/methods/methods.h"
#include "quantize/methods/target_parameters.h"
#include "quantize/passes/round_rtn.h"

namespace qreason {

Recipe rtn(Target target, ParameterReader& parameters) {
  apply_weight_parameters(target, parameters);
  apply_range_search(target, parameters, RangeSearch::kNone);
  apply_runtime_parameters(target, parameters);
  Recipe recipe = runtime_recipe(target);
  if (!target.weight) return recipe;
  if (target.budget) recipe.calibration = read_calibration(parameters, {.samples = 4, .length = 512});
  recipe.passes.push_back(round_rtn(add_weight_rounding(recipe, target, parameters, TrialRounding::kNearest)));
  return recipe;
}

}  // namespace qreason
