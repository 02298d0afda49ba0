#include "base/error.h"
#include "quantize/methods/methods.h"
#include "quantize/methods/target_parameters.h"
#include "quantize/passes/round_gptq.h"

namespace qreason {

Recipe gptq(Target target, ParameterReader& parameters) {
  if (!target.weight) throw Error::usage("method " + target.name, "no weight bits", "gptq-w<bits>...");
  apply_weight_parameters(target, parameters);
  apply_range_search(target, parameters, RangeSearch::kMse);
  apply_runtime_parameters(target, parameters);

  GptqSettings defaults;
  if (target.per_channel()) defaults = per_channel_gptq();
  Recipe recipe = runtime_recipe(target);
  recipe.calibration = read_calibration(parameters);
  const WeightRounding rounding = add_weight_rounding(recipe, target, parameters, TrialRounding::kGptq);
  recipe.passes.push_back(round_gptq(rounding, read_gptq_settings(parameters, defaults)));
  return recipe;
}

}  // namespace qreason
