// Says how keys (after RoPE) and values are quantized as they enter the cache: per token and head, or per token and
// group. Rules (pass_rules.h) for blocks that differ; they may also move keys to another stage: "key = before-rope".
#pragma once

#include <optional>

#include "quantize/pass.h"

namespace qreason {

// At least one of the two.
PassPointer set_kv_format(const std::optional<QuantFormat>& keys, const std::optional<QuantFormat>& values,
                          TextList rules = {});
PassPointer read_set_kv_format(ParameterReader& parameters);

}  // namespace qreason
