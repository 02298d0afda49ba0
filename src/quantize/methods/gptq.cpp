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

  const bool grouped = !target.per_channel();
  GptqSettings settings;
  settings.order = parameters.flag("act_order", grouped) ? ColumnOrder::kByActivation : ColumnOrder::kAsStored;
  settings.options.groups = parameters.flag("static_groups", grouped) ? GroupTiming::kStatic : GroupTiming::kDynamic;
  settings.damping.ratio = parameters.number("damping", settings.damping.ratio);
  settings.options.block_columns = parameters.integer("block_size", settings.options.block_columns);

  Recipe recipe = runtime_recipe(target);
  recipe.calibration = read_calibration(parameters);
  recipe.passes.push_back(round_gptq({.format = *target.weight}, settings));
  return recipe;
}

}  // namespace qreason
