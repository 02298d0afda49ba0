#include "base/error.h"
#include "quantize/methods/methods.h"
#include "quantize/methods/target_parameters.h"
#include "quantize/passes/measure_channels.h"
#include "quantize/passes/round_gptq.h"
#include "quantize/passes/smooth_norms.h"

namespace qreason {

Recipe smoothquant(Target target, ParameterReader& parameters) {
  if (!target.weight) throw Error::usage("method " + target.name, "no weight bits", "smoothquant-w<bits>a<bits>...");
  apply_weight_parameters(target, parameters);
  apply_range_search(target, parameters, RangeSearch::kMse);
  apply_runtime_parameters(target, parameters);

  Recipe recipe = runtime_recipe(target);
  recipe.calibration = read_calibration(parameters);
  recipe.passes.push_back(measure_channels());
  recipe.passes.push_back(smooth_norms(parameters.number("alpha", 0.85)));
  recipe.passes.push_back(round_gptq({.format = *target.weight}, read_gptq_settings(parameters, per_channel_gptq())));
  return recipe;
}

}  // namespace qreason
