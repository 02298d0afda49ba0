#include "quantize/rtn.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "formats/float_codecs.h"

namespace qreason {
namespace {

// Whether the code of w lies at an end of the range because it lies beyond it: integers past the rounding.
bool outside_range(const QuantizedMatrix& matrix, std::int64_t row, std::int64_t column, float w) {
  const std::int64_t group = row * matrix.groups + matrix.group_of(column);
  const NumberKind kind = matrix.format.kind;
  if (kind != NumberKind::kInteger) return std::abs(w / matrix.scale_of(group)) > largest_value(kind);
  const std::uint8_t code = matrix.codes[row * matrix.columns + column];
  const int last = (1 << matrix.format.bits) - 1;
  if (code != 0 && code != last) return false;
  const float wanted = std::nearbyint(w / matrix.scale_of(group)) + matrix.zero_of(group);
  return wanted < 0 || wanted > static_cast<float>(last);
}

}  // namespace

RtnResult round_rtn_parallel(std::span<const float> weights, std::int64_t rows, std::int64_t columns,
                             const QuantFormat& format, Executor& executor, std::optional<float> global_scale) {
  if (static_cast<std::int64_t>(weights.size()) != rows * columns) {
    throw Error("RTN", fmt::format("{} weights for {} rows of {}", weights.size(), rows, columns), "rows * columns");
  }
  RtnResult result{.matrix = round_to_nearest(weights, rows, columns, format, &executor.pool(), global_scale)};
  const QuantizedMatrix& matrix = result.matrix;
  std::vector<std::int64_t> clipped(static_cast<std::size_t>(rows));
  executor.run(rows, [&](std::int64_t row) {
    for (std::int64_t j = 0; j < columns; ++j) {
      clipped[row] += outside_range(matrix, row, j, weights[row * columns + j]) ? 1 : 0;
    }
  });
  result.clipped = std::accumulate(clipped.begin(), clipped.end(), std::int64_t{0});
  return result;
}

}  // namespace qreason
