#include "base/error.h"
#include "quantize/methods/methods.h"
#include "quantize/methods/target_parameters.h"
#include "quantize/passes/measure_keys.h"
#include "quantize/passes/set_kv_format.h"

namespace qreason {

Recipe kvquant_star(Target target, ParameterReader& parameters) {
  if (target.weight || target.activation || !target.keys) {
    throw Error::usage("method " + target.name, "formats of a method that quantizes the cache alone",
                       "kvquant_star-kv<bits> or kvquant_star-k<bits>v<bits>");
  }
  apply_runtime_parameters(target, parameters);
  target.keys->granularity = Granularity::kChannel;
  target.keys->group_size = 0;

  Recipe recipe{.name = target.name, .tensor_parallel = target.tensor_parallel};
  recipe.calibration = read_calibration(parameters, {.samples = 512, .length = 512, .cut = SampleCut::kTexts});
  recipe.passes.push_back(measure_keys());
  recipe.passes.push_back(
      set_static_kv_format(*target.keys, read_pre_bias_keys(parameters, PreBiasKeys::kAuto), target.values));
  return recipe;
}

}  // namespace qreason
