#include "quantize/methods/methods.h"
#include "quantize/methods/target_parameters.h"
#include "quantize/passes/rotate_groups.h"
#include "quantize/passes/round_rtn.h"

namespace qreason {

Recipe own_floats(Target target, ParameterReader&) {
  Recipe recipe = runtime_recipe(target);
  if (target.weight) recipe.passes.push_back(round_rtn({.format = *target.weight}));
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
