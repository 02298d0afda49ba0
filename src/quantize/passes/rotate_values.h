// Rotates what attention hands on (methods.md, section 9, step 3; QuaRot, section 4): every head of v's output, bias
// included, and every head of o's input by a Hadamard matrix of order head_dim, both in the weights. kFull adds a
// Hadamard matrix across the heads of o's input, channel by channel, online, with its inverse in o: together a matrix
// of order heads * head_dim. It needs all heads of a row, so that a tensor-parallel degree above 1 is refused.
#pragma once

#include "quantize/pass.h"

namespace qreason {

enum class ValueRotation : std::uint8_t { kPerHead, kFull };

PassPointer rotate_values(ValueRotation rotation);
PassPointer read_rotate_values(ParameterReader& parameters);  // full = true

}  // namespace qreason
