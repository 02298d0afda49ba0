#include "kernels/column_rounding.h"

#include <algorithm>
#include <cmath>

namespace qreason {

void round_columns(const ColumnRounding& tile) {
  constexpr std::int64_t kRows = ColumnRounding::kRows;
  std::fill_n(tile.loss, kRows, 0.0f);
  std::fill_n(tile.clipped, kRows, 0.0f);
  for (std::int64_t j = 0; j < tile.columns; ++j) {
    float error[kRows];
    for (std::int64_t r = 0; r < kRows; ++r) {
      const std::int64_t at = j * kRows + r;
      const float w = tile.current[at], scale = tile.scales[at], zero = tile.zeros[at];
      const float wanted = std::nearbyint(w / scale) + zero;
      const float code = std::min(std::max(wanted, tile.lowest), tile.highest);
      const float value = scale * (code - zero);
      tile.codes[at] = code;
      tile.clipped[r] += code == wanted ? 0.0f : 1.0f;
      tile.loss[r] += (w - value) * (w - value) * tile.pivots[j];
      error[r] = tile.original[at] - value;
      tile.difference[at] = -error[r];
    }
    const float* feedback = tile.feedback + j * tile.feedback_stride;
    for (std::int64_t behind = j + 1; behind < tile.columns; ++behind) {
      for (std::int64_t r = 0; r < kRows; ++r) tile.current[behind * kRows + r] += error[r] * feedback[behind];
    }
  }
}

}  // namespace qreason
