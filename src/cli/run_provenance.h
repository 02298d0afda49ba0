// What decides a model's answers, as headers of result files record it: told from its files alone, so that a study can
// see what is finished without loading a model.
#pragma once

#include <string>

#include "base/json.h"
#include "cli/model_loader.h"

namespace qreason {

// How a checkpoint was made, as far as its folder says.
struct ModelOrigin {
  std::string recipe;           // text of its recipe.toml, else empty
  std::string method;           // the recipe's name, the short name of a plan without one, "bf16" for a float model
  std::string original_sha256;  // of the model that was quantized; empty for a float model and where it is not recorded
};
ModelOrigin model_origin(const OpenedModel& model);

// The members "name" and "sha256" of a model: what report.json keeps of the one that was quantized.
OrderedJson model_identity(const OpenedModel& model);

OrderedJson to_json(const SamplingParameters& sampling);

// `dtype` as of --dtype. "tool" names what only should not decide: version and instruction set.
OrderedJson run_provenance(const OpenedModel& model, const ModelOrigin& origin, const std::string& dtype,
                           const SamplingParameters& sampling);

}  // namespace qreason
