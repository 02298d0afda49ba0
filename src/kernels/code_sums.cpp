#include "kernels/code_sums.h"

#include <algorithm>
#include <numeric>

#include "kernels/packed_matrix.h"

namespace qreason {

AlignedBytes code_sums(const QuantizedMatrix& matrix, ThreadPool* pool) {
  constexpr std::int64_t kLanes = PackedMatrix::kPanel;
  const std::int64_t panels = (matrix.rows + kLanes - 1) / kLanes;
  AlignedBytes sums(static_cast<std::size_t>(panels * kLanes) * sizeof(std::int32_t));
  run_on(pool, panels, [&](std::int64_t panel) {
    const std::int64_t first = panel * kLanes, end = std::min(matrix.rows, first + kLanes);
    for (std::int64_t row = first; row < end; ++row) {
      const std::uint8_t* codes = matrix.codes.data() + row * matrix.columns;
      sums.as<std::int32_t>()[row] = std::accumulate(codes, codes + matrix.columns, std::int32_t{0});
    }
  });
  return sums;
}

}  // namespace qreason
