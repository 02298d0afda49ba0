#include "quantize/rtn.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "quantize/group_parameters.h"

namespace qreason {

RtnResult round_rtn_parallel(std::span<const float> weights, std::int64_t rows, std::int64_t columns,
                             const QuantFormat& format, ThreadPool& pool) {
  if (static_cast<std::int64_t>(weights.size()) != rows * columns) {
    throw Error("RTN", fmt::format("{} weights for {} rows of {}", weights.size(), rows, columns), "rows * columns");
  }
  const std::int64_t group_size = group_size_of(format, columns);
  const std::int64_t groups = (columns + group_size - 1) / group_size;
  const std::vector<GroupParameters> parameters =
      find_all_parameters(weights.data(), rows, columns, group_size, format, pool);

  RtnResult result;
  QuantizedMatrix& matrix = result.matrix;
  matrix = {.format = format, .rows = rows, .columns = columns, .groups = groups, .group_size = group_size};
  matrix.codes.resize(weights.size());
  const bool asymmetric = format.symmetry == Symmetry::kAsymmetric;
  for (const GroupParameters& group : parameters) {
    matrix.scales.push_back(group.scale);
    if (asymmetric) matrix.zeros.push_back(static_cast<std::uint8_t>(group.zero));
  }

  std::vector<double> error(static_cast<std::size_t>(rows)), clipped(static_cast<std::size_t>(rows));
  const auto highest = static_cast<float>(format.max_code()), lowest = asymmetric ? 0.0f : -highest - 1;
  const auto offset = static_cast<float>(format.code_offset());
  pool.run(rows, [&](std::int64_t row) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const GroupParameters& group = parameters[row * groups + j / group_size];
      const float w = weights[row * columns + j];
      const float wanted = std::nearbyint(w / group.scale) + group.zero;
      const float code = std::clamp(wanted, lowest, highest);
      const double difference = w - group.scale * (code - group.zero);
      matrix.codes[row * columns + j] = static_cast<std::uint8_t>(code + offset);
      error[row] += difference * difference;
      clipped[row] += code == wanted ? 0 : 1;
    }
  });
  for (std::int64_t row = 0; row < rows; ++row) {
    result.squared_error += error[row];
    result.clipped += static_cast<std::int64_t>(clipped[row]);
  }
  return result;
}

}  // namespace qreason
