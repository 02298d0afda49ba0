#include "base/error.h"
#include "quantize/methods/methods.h"
#include "quantize/methods/target_parameters.h"
#include "quantize/passes/flatquant_settings.h"

namespace qreason {

Recipe flatquant(Target target, ParameterReader& parameters) {
  if (!target.weight || !target.per_channel()) {
    throw Error::usage("method " + target.name, "no weights per channel", "flatquant-w4a4kv4");
  }
  FlatQuantSettings settings{.weights = *target.weight, .activations = target.activation};
  settings.weights.symmetry = Symmetry::kSymmetric;
  settings.keys = target.keys;
  settings.values = target.values;
  read_training_parameters(parameters, settings);

  Recipe recipe{.name = target.name, .tensor_parallel = target.tensor_parallel};
  recipe.calibration = read_calibration(parameters);
  recipe.passes.push_back(round_flatquant(settings));
  return recipe;
}

}  // namespace qreason
