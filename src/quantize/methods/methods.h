// The methods, each a function from what is asked for to a recipe; methods/method_table.cpp lists them.
#pragma once

#include "quantize/parameters.h"
#include "quantize/recipe.h"
#include "quantize/target.h"

namespace qreason {

// Rounding to nearest with zero-range scales (methods.md, section 1). Weights: asymmetric in groups, symmetric per
// channel (as all per-channel weights of the study), no search. Activations and cache: per token, asymmetric, no clip.
Recipe rtn(Target target, ParameterReader& parameters);

// GPTQ (methods.md, section 5): asymmetric groups with MSE search, act-order and static groups; per channel as the
// W-A-KV methods of the study use it: symmetric, MSE search, neither act-order nor static groups.
Recipe gptq(Target target, ParameterReader& parameters);

// AWQ (methods.md, section 4): scales and clips by search, then rounding with true-range scales; asymmetric groups,
// symmetric per channel. Calibrated on the Pile as the study does.
Recipe awq(Target target, ParameterReader& parameters);

}  // namespace qreason
