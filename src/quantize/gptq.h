// GPTQ (Frantar et al. 2022) on one linear: a pure function of weights, Hessian factor and format.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "formats/quantized_matrix.h"
#include "formats/reference_quantizer.h"
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

// How the columns of a linear are grouped: runs of stored columns, or, found dynamically, of the rounding order.
struct GptqGroups {
  std::int64_t size = 0, count = 0;
  bool dynamic = false;
  std::vector<std::int64_t> of_position;  // [columns], rounding order
};
// Errors: sizes that do not belong together, groups that do not divide the columns, blocks without columns.
GptqGroups gptq_groups(std::int64_t weights, std::int64_t rows, const GptqFactor& factor, const QuantFormat& format,
                       const GptqOptions& options);
// Codes [rows, columns] and parameters [rows, groups], stored order.
QuantizedMatrix gptq_matrix(const GptqGroups& groups, const GptqFactor& factor, const QuantFormat& format,
                            std::vector<std::uint8_t> codes, std::span<const GroupParameters> parameters);
// What makes the loss of rows [first, last) of weights [.., columns] no finite number, as an Error.
[[noreturn]] void refuse_loss(std::span<const float> weights, std::int64_t columns, std::int64_t first,
                              std::int64_t last);

// A factor with a drift rounds by asymmetric calibration (quantize/gptaq.h). A weight or a loss that is not finite is
// an Error naming its place.
//
// weights [rows, factor.columns], format an integer weight format (per channel or groups that divide the columns).
// Under act-order with dynamic groups a group is a run of columns in rounding order, told by matrix.group_index.
GptqResult round_gptq(std::span<const float> weights, std::int64_t rows, const GptqFactor& factor,
                      const QuantFormat& format, const GptqOptions& options, Executor& executor);

}  // namespace qreason
