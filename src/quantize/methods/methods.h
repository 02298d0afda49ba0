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
// symmetric per channel. Of the Pile, the study's source, short texts are taken.
Recipe awq(Target target, ParameterReader& parameters);

// SmoothQuant (methods.md, section 8): outlier channels of the norms' outputs into the weights, then GPTQ per channel:
// symmetric, MSE search, neither act-order nor static groups. Activations and cache per token, asymmetric, no clip.
Recipe smoothquant(Target target, ParameterReader& parameters);

// KVQuant* (methods.md, section 6): keys before RoPE, per channel, with ranges of the calibration texts; before their
// bias as well where that is large (passes/set_kv_format.h). Values per token and head. Weights and activations stay.
// Under tensor parallelism with fewer heads than ranks a head's ranges would be repeated with the head: in one process,
// which keeps every head once, nothing changes.
Recipe kvquant_star(Target target, ParameterReader& parameters);

// QuaRot (methods.md, section 9): gains folded, the residual stream, values, the inputs of down and keys rotated, then
// GPTQ as the W-A-KV methods use it; activations asymmetric, clip 0.9, keys and values 0.95. With nothing but cache
// bits QuaRot-KV (section 7): keys and queries rotated, weights as they are.
Recipe quarot(Target target, ParameterReader& parameters);

// A float format of the method's own for weights, activations and cache, each rounded to nearest. microscaling: formats
// whose groups share a scale, with rotate_groups of that size where block_rotation asks for it.
Recipe own_floats(Target target, ParameterReader& parameters);
Recipe microscaling(Target target, ParameterReader& parameters);
// FP8 (E4M3) with scales of channels, tokens and heads; static_cache: one scale for all keys of a block and one for its
// values, as calibrated, which is what vLLM's FP8 cache has.
Recipe fp8(Target target, ParameterReader& parameters);

// FlatQuant (methods.md, section 10): learned transforms and clips, weights symmetric per channel, activations per
// token and cache per head asymmetric.
Recipe flatquant(Target target, ParameterReader& parameters);

}  // namespace qreason
