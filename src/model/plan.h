// ModelPlan: what is quantized where. Saved in the checkpoint; the one decoder executes it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/json.h"
#include "formats/quant_format.h"
#include "model/site.h"

namespace qreason {

struct ModelPlan {
  std::map<LinearSlot, QuantFormat> weights;  // absent: float
  std::map<Site, QuantFormat> activations;    // kActivationSites only; absent: float
  std::optional<QuantFormat> keys;            // after RoPE, per token and head (or group)
  std::optional<QuantFormat> values;
  int tensor_parallel = 1;  // the degree the numbers were made for

  bool operator==(const ModelPlan&) const = default;
  bool is_float() const { return weights.empty() && activations.empty() && !keys && !values; }
  // True when nothing but weights is quantized.
  bool weight_only() const { return activations.empty() && !keys && !values; }
};

OrderedJson to_json(const ModelPlan& plan);
ModelPlan parse_model_plan(const Json& json, const std::string& where);
// "BF16", "W4A16KV16", ...: bits of weights, activations and cache as the study's tables write them.
std::string short_name(const ModelPlan& plan);

}  // namespace qreason
