// Says how keys and values are quantized as they enter the cache: keys after RoPE, each per token and head, or per
// token and group. Rules (pass_rules.h) for blocks that differ; they may also move keys to another stage: "key =
// before-rope".
//
// Keys of a format per channel (k4-channel-asym) are static (KVQuant*, methods.md section 6): rounded before RoPE with
// ranges that the pass makes of what measure_keys found, and before their bias as well where pre_bias_keys says so.
// Float formats per tensor (k:fp8e4m3-tensor, v:fp8e4m3-tensor) have one scale for all that a block caches, which holds
// the largest that measure_cache found: what servers call calibrated scales of an FP8 cache. What is larger saturates.
#pragma once

#include <optional>

#include "quantize/pass.h"

namespace qreason {

// At least one of the two.
PassPointer set_kv_format(const std::optional<QuantFormat>& keys, const std::optional<QuantFormat>& values,
                          TextList rules = {});

// Whether static keys are rounded before the bias of k_proj. kAuto: where it is large (key_ranges.h), decided from the
// weights when the recipe meets its model; the recipe's text then says which. kYes is refused for a model without, and
// for one whose keys pass a norm behind it.
enum class PreBiasKeys { kAuto, kYes, kNo };
// The parameter pre_bias_keys: "auto", true or false.
PreBiasKeys read_pre_bias_keys(ParameterReader& parameters, PreBiasKeys fallback);

// `keys`: per channel.
PassPointer set_static_kv_format(const QuantFormat& keys, PreBiasKeys pre_bias,
                                 const std::optional<QuantFormat>& values, TextList rules = {});

PassPointer read_set_kv_format(ParameterReader& parameters);

}  // namespace qreason
