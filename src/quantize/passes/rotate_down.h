// Rotates the inputs of down (methods.md, section 9, step 4; QuaRot, section 4): online by a Hadamard matrix, with its
// inverse in the weight. Each of `shards` equal parts of a row has matrices of its own: one of the part's whole width
// where there is one (18944 = 148 x 128, and 4736 = 148 x 32 a shard of four), else as many of the largest divisor that
// has one as fill it.
#pragma once

#include <cstdint>

#include "quantize/pass.h"

namespace qreason {

PassPointer rotate_down(std::int64_t shards = 1);
PassPointer read_rotate_down(ParameterReader& parameters);  // shards = 4

}  // namespace qreason
