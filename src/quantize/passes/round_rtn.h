// Rounds every linear to nearest, looking at nothing but its weights.
#pragma once

#include "quantize/pass.h"

namespace qreason {

PassPointer round_rtn(const QuantFormat& weight);
PassPointer read_round_rtn(ParameterReader& parameters);

}  // namespace qreason
