// Rounds linears to nearest, looking at nothing but their weights.
#pragma once

#include "quantize/pass.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {

PassPointer round_rtn(const WeightRounding& rounding);
PassPointer read_round_rtn(ParameterReader& parameters);

}  // namespace qreason
