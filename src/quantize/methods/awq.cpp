#include "base/error.h"
#include "quantize/methods/methods.h"
#include "quantize/methods/target_parameters.h"
#include "quantize/passes/clip_awq.h"
#include "quantize/passes/round_rtn.h"
#include "quantize/passes/scale_awq.h"

namespace qreason {

Recipe awq(Target target, ParameterReader& parameters) {
  if (!target.weight) throw Error::usage("method " + target.name, "no weight bits", "awq-w<bits>...");
  apply_weight_parameters(target, parameters);
  apply_runtime_parameters(target, parameters);
  target.weight->rule = RangeRule::kTrueRange;

  AwqScaling scaling;
  scaling.search.steps = parameters.integer("search_steps", scaling.search.steps);
  if (parameters.flag("duo_scaling", false)) scaling.search.rule = ScaleRule::kActivationsAndWeights;

  Recipe recipe = runtime_recipe(target);
  recipe.calibration = read_calibration(parameters, {.samples = 128, .length = 512, .cut = SampleCut::kShortTexts});
  const WeightRounding rounding = add_weight_rounding(recipe, target, parameters, TrialRounding::kNearest);
  recipe.passes.push_back(scale_awq(scaling));
  if (parameters.flag("clip", true)) recipe.passes.push_back(clip_awq({}));
  recipe.passes.push_back(round_rtn(rounding));
  return recipe;
}

}  // namespace qreason
