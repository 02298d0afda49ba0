#include "quantize/group_parameters.h"

#include <algorithm>

#include "formats/group_kernels.h"

namespace qreason {

GroupParameters find_parameters_fast(std::span<const float> group, const QuantFormat& format) {
  return find_parameters_with(group_kernels(), group, format);
}

std::vector<GroupParameters> find_all_parameters(const float* weights, std::int64_t rows, std::int64_t columns,
                                                 std::int64_t group_size, const QuantFormat& format,
                                                 Executor& executor) {
  const std::int64_t groups = (columns + group_size - 1) / group_size;
  std::vector<GroupParameters> parameters(static_cast<std::size_t>(rows * groups));
  executor.run(rows, [&](std::int64_t row) {
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::int64_t begin = g * group_size, size = std::min(group_size, columns - begin);
      parameters[row * groups + g] =
          find_parameters_fast(std::span(weights + row * columns + begin, static_cast<std::size_t>(size)), format);
    }
  });
  return parameters;
}

}  // namespace qreason
