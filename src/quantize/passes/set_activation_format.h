// Says that the inputs of all linears are quantized while the model runs. Under tensor parallelism t the inputs of the
// row-parallel linears (o, down) are quantized per token and shard: in t groups. Rules (pass_rules.h) for blocks and
// sites that differ.
#pragma once

#include "quantize/pass.h"

namespace qreason {

PassPointer set_activation_format(const QuantFormat& activation, TextList rules = {});
PassPointer read_set_activation_format(ParameterReader& parameters);

}  // namespace qreason
