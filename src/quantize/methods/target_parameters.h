// What the methods share: named parameters applied to the target's formats, and the passes that only set formats.
#pragma once

#include <vector>

#include "quantize/parameters.h"
#include "quantize/passes/measure_sensitivity.h"
#include "quantize/passes/round_gptq.h"
#include "quantize/target.h"

namespace qreason {

// symmetric, group, scale_type, budget.
void apply_weight_parameters(Target& target, ParameterReader& parameters);
ScaleType read_scale_type(ParameterReader& parameters);
// mse_search, `search` being the default.
void apply_range_search(Target& target, ParameterReader& parameters, RangeSearch search);
// activation_symmetric, activation_clip, key_clip, value_clip, kv_group; a method's own ratios where they are not
// given.
struct MethodClips {
  double activation = 1, cache = 1;
};
void apply_runtime_parameters(Target& target, ParameterReader& parameters, const MethodClips& ratios = {});
// samples, length, cut.
CalibrationSpec read_calibration(ParameterReader& parameters, CalibrationSpec defaults = {});
// budget, and under one candidates and sensitivity_tokens: what a rounding pass rounds to. Under a budget the recipe
// gets the pass that measures for it, which rounds as the pass behind; it needs a calibration. Call it behind the
// passes that change the model exactly.
WeightRounding add_weight_rounding(Recipe& recipe, Target& target, ParameterReader& parameters, TrialRounding rounding);

// GPTQ as the W-A-KV methods of the study use it, per channel: columns as stored, scales of several groups (o and down
// under tensor parallelism) found on the way.
GptqSettings per_channel_gptq();

// A recipe named as the target whose passes set its activation and cache formats.
Recipe runtime_recipe(const Target& target);

}  // namespace qreason
