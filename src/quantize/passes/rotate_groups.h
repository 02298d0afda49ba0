// Rotates every group of `size` neighbours at the four sites that linears read: online by a Hadamard matrix of that
// order, with its inverse in the weights. What shares a scale is mixed and nothing else is, so that an outlier is
// spread over its group before it is rounded (as Egiazarian et al. 2025, micro-rotated GPTQ, do for MXFP4 and NVFP4).
#pragma once

#include <cstdint>

#include "quantize/pass.h"

namespace qreason {

PassPointer rotate_groups(std::int64_t size);
PassPointer read_rotate_groups(ParameterReader& parameters);  // size = 32

}  // namespace qreason
