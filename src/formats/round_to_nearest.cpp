#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "formats/group_kernels.h"
#include "formats/quantized_matrix.h"

namespace qreason {
namespace {

QuantizedMatrix empty_matrix(std::int64_t rows, std::int64_t columns, const QuantFormat& format) {
  QuantizedMatrix matrix{.format = format, .rows = rows, .columns = columns};
  matrix.group_size = format.granularity == Granularity::kGroup ? format.group_size : columns;
  matrix.groups = (columns - 1) / matrix.group_size + 1;
  matrix.codes.resize(static_cast<std::size_t>(rows * columns));
  matrix.scales.resize(static_cast<std::size_t>(rows * matrix.groups));
  if (format.symmetry == Symmetry::kAsymmetric) matrix.zeros.resize(matrix.scales.size());
  return matrix;
}

void round_row(std::span<const float> row, std::int64_t row_index, QuantizedMatrix& matrix) {
  const GroupKernels& kernels = best_group_kernels();
  for (std::int64_t group = 0; group < matrix.groups; ++group) {
    const auto start = static_cast<std::size_t>(group * matrix.group_size);
    const auto values = row.subspan(start, std::min(static_cast<std::size_t>(matrix.group_size), row.size() - start));
    const GroupParameters parameters = find_parameters_with(kernels, values, matrix.format);
    const auto slot = static_cast<std::size_t>(row_index * matrix.groups + group);
    matrix.scales[slot] = parameters.scale;
    if (!matrix.zeros.empty()) matrix.zeros[slot] = static_cast<std::uint8_t>(parameters.zero);
    encode_with(kernels, values, parameters, matrix.format,
                matrix.codes.data() + row_index * matrix.columns + static_cast<std::int64_t>(start));
  }
}

void check_arguments(std::span<const float> weights, std::int64_t rows, std::int64_t columns,
                     const QuantFormat& format) {
  validate(format, "round_to_nearest");
  const bool rows_of_groups = format.granularity == Granularity::kGroup || format.granularity == Granularity::kChannel;
  if (format.role != Role::kWeight || format.kind != NumberKind::kInteger || !rows_of_groups) {
    throw Error("round_to_nearest", to_string(format), "integer weights per channel or per group");
  }
  if (rows <= 0 || columns <= 0 ||
      weights.size() / static_cast<std::size_t>(columns) != static_cast<std::size_t>(rows) ||
      weights.size() % static_cast<std::size_t>(columns) != 0) {
    throw Error("round_to_nearest", fmt::format("{} values as {} x {}", weights.size(), rows, columns),
                "a whole, non-empty matrix");
  }
}

}  // namespace

QuantizedMatrix round_to_nearest(std::span<const float> weights, std::int64_t rows, std::int64_t columns,
                                 const QuantFormat& format, ThreadPool* pool) {
  check_arguments(weights, rows, columns, format);
  QuantizedMatrix matrix = empty_matrix(rows, columns, format);
  run_on(pool, rows, [&](std::int64_t row) {
    round_row(weights.subspan(static_cast<std::size_t>(row * columns), static_cast<std::size_t>(columns)), row, matrix);
  });
  return matrix;
}

}  // namespace qreason
