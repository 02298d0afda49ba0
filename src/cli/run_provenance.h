// What decides a model's answers, as headers of result files record it: told from its files alone, so that a study can
// see what is finished without loading a model.
#pragma once

#include <string>

#include "base/json.h"
#include "base/numerics.h"
#include "base/sampling.h"
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

struct RunSettings {
  std::string dtype;  // as of --dtype
  SamplingParameters sampling;
  std::int64_t context = 0;       // positions; 0: the model's max_positions
  std::uint64_t cache_bytes = 0;  // 0: what the free memory allows
  Arithmetic arithmetic = Arithmetic::kPortable;
  std::string device = {};  // its kind; empty: the processor
};
// "tool" names what only should not decide: version, instruction set, memory of the cache.
OrderedJson run_provenance(const OpenedModel& model, const ModelOrigin& origin, const RunSettings& settings);

// {kind, batch_invariant} of a device; null for the processor, of which `kind` is empty.
OrderedJson device_record(const std::string& kind);
// The same as the member "device" of a record; there is none for the processor.
void record_device(const std::string& kind, OrderedJson& record);

// What a run with these settings would record where the model is not here: what tells of the model is that of `found`,
// a header's provenance.
OrderedJson provenance_without_model(OrderedJson found, const RunSettings& settings);

}  // namespace qreason
