// Rotates keys and queries after RoPE, online, by the same Hadamard matrix of order head_dim (methods.md, sections 7
// and 9; QuaRot, section 4): q k^T stays what it is, and no weight changes.
#pragma once

#include "quantize/pass.h"

namespace qreason {

PassPointer rotate_keys();
PassPointer read_rotate_keys(ParameterReader& parameters);

}  // namespace qreason
