// Scales and zero points of weight groups: find_parameters of the reference quantizer, over rows in parallel.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "formats/quant_format.h"
#include "formats/reference_quantizer.h"
#include "kernels/executor.h"

namespace qreason {

// find_parameters by the fastest kernels of this machine; the same bits.
GroupParameters find_parameters_fast(std::span<const float> group, const QuantFormat& format);

// Groups of `group_size` along the columns of weights [rows, columns]; the last may be shorter. Out [rows, groups].
// Not finite weights are an Error.
std::vector<GroupParameters> find_all_parameters(const float* weights, std::int64_t rows, std::int64_t columns,
                                                 std::int64_t group_size, const QuantFormat& format,
                                                 Executor& executor);

}  // namespace qreason
