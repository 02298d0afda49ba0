#include "quantize/methods/methods.h"
#include "quantize/methods/target_parameters.h"
#include "quantize/passes/measure_cache.h"
#include "quantize/passes/rotate_groups.h"
#include "quantize/passes/round_rtn.h"

namespace qreason {

Recipe own_floats(Target target, ParameterReader&) {
  Recipe recipe = runtime_recipe(target);
  if (target.weight) recipe.passes.push_back(round_rtn({.format = *target.weight}));
  return recipe;
}

Recipe fp8(Target target, ParameterReader& parameters) {
  const bool is_static = (target.keys || target.values) && parameters.flag("static_cache", false);
  // Not asked for where nothing has such scales, so that giving one is an error.
  const ScaleType scales = target.weight || is_static ? read_scale_type(parameters) : ScaleType::kFloat32;
  if (target.weight) target.weight->scale_type = scales;
  for (auto* cached : {&target.keys, &target.values}) {
    if (!*cached || !is_static) continue;
    (*cached)->granularity = Granularity::kTensor;
    (*cached)->scale_type = scales;
  }
  Recipe recipe = own_floats(target, parameters);
  if (!is_static) return recipe;
  recipe.calibration = read_calibration(parameters);
  recipe.passes.insert(recipe.passes.begin(), measure_cache());
  return recipe;
}

Recipe microscaling(Target target, ParameterReader& parameters) {
  Recipe recipe = own_floats(target, parameters);
  const auto& grouped = target.weight ? target.weight : target.activation;
  if (grouped && parameters.flag("block_rotation", false)) {
    recipe.passes.insert(recipe.passes.begin(), rotate_groups(grouped->group_size));
  }
  return recipe;
}

}  // namespace qreason
