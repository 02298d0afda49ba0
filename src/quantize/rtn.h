// Rounding to nearest of one linear, rows in parallel.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "formats/quantized_matrix.h"
#include "kernels/executor.h"

namespace qreason {

struct RtnResult {
  QuantizedMatrix matrix;
  std::int64_t clipped = 0;  // codes that rounding put outside the range
};

// weights [rows, columns]; the same matrix as round_to_nearest of the formats layer, which says what global_scale is.
RtnResult round_rtn_parallel(std::span<const float> weights, std::int64_t rows, std::int64_t columns,
                             const QuantFormat& format, Executor& executor,
                             std::optional<float> global_scale = std::nullopt);

}  // namespace qreason
