// GPTQ (Frantar et al. 2022) on one linear: a pure function of weights, Hessian factor and format.
#pragma once

#include <cstdint>
#include <span>

#include "formats/quantized_matrix.h"
#include "quantize/gptq_factor.h"

namespace qreason {

// When the scale and zero point of a group are found: all before the loop, on the original weights; or each when its
// first column is reached, on the weights as updated by the column blocks completed before (methods.md, section 5). One
// group per channel is always found before the loop.
enum class GroupTiming { kStatic, kDynamic };

struct GptqOptions {
  GroupTiming groups = GroupTiming::kStatic;
  std::int64_t block_columns = 128;  // columns rounded before the rest is updated by one matrix product
};

struct GptqResult {
  QuantizedMatrix matrix;
  // 1/2 sum over rows and columns of (w'_j - q_j)^2 / U_jj^2: half of tr((W-Q) H (W-Q)^T), damping included. Under
  // asymmetric calibration V of quantize/gptaq.h stands in place of W.
  double loss = 0;
  std::int64_t clipped = 0;  // codes that rounding put outside the range
};

// A factor with a drift rounds by asymmetric calibration (quantize/gptaq.h). A weight or a loss that is not finite is
// an Error naming its place.
//
// weights [rows, factor.columns], format an integer weight format (per channel or groups that divide the columns).
// Under act-order with dynamic groups a group is a run of columns in rounding order, told by matrix.group_index.
GptqResult round_gptq(std::span<const float> weights, std::int64_t rows, const GptqFactor& factor,
                      const QuantFormat& format, const GptqOptions& options, Executor& executor);

}  // namespace qreason
