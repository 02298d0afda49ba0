// The inner loop of GPTQ on sixteen rows side by side: column after column, round, and feed the error of each column
// into the columns behind it (quantize/gptq_factor.h has the formula). Multiplies and adds are not fused, so the codes
// are the same on every instruction set.
#pragma once

#include <cstdint>

namespace qreason {

struct ColumnRounding {
  static constexpr std::int64_t kRows = 16;

  std::int64_t columns = 0;
  // All [columns, kRows]: the weights as they were and as updated so far (changed), and the parameters of each.
  const float* original = nullptr;
  float* current = nullptr;
  const float* scales = nullptr;
  const float* zeros = nullptr;
  const float* feedback =
      nullptr;  // F, row i at feedback + i * feedback_stride; entries right of the diagonal are read
  std::int64_t feedback_stride = 0;
  const float* pivots = nullptr;  // [columns]
  float lowest = 0, highest = 0;  // codes
  // Out, [columns, kRows]: whole-numbered codes, and dequantized minus original weights.
  float* codes = nullptr;
  float* difference = nullptr;
  // Out, [kRows]: sum over the columns of pivot * (updated weight - dequantized)^2, and how many codes were clipped.
  float* loss = nullptr;
  float* clipped = nullptr;
};
void round_columns(const ColumnRounding& tile);

}  // namespace qreason
