#include "quantize/methods/methods.h"
#include "quantize/methods/target_parameters.h"
#include "quantize/passes/round_rtn.h"

namespace qreason {

Recipe rtn(Target target, ParameterReader& parameters) {
  apply_weight_parameters(target, parameters);
  apply_range_search(target, parameters, RangeSearch::kNone);
  apply_runtime_parameters(target, parameters);
  Recipe recipe = runtime_recipe(target);
  if (target.weight) recipe.passes.push_back(round_rtn({.format = *target.weight}));
  return recipe;
}

}  // namespace qreason
