#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "formats/float_codecs.h"
#include "formats/group_kernels.h"
#include "formats/quantized_matrix.h"
#include "formats/scale_codec.h"

namespace qreason {
namespace {

float largest_magnitude(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) throw Error("quantizer", fmt::format("{} in a block", value), "finite values");
    largest = std::max(largest, std::abs(value));
  }
  return largest;
}

QuantizedMatrix empty_matrix(std::int64_t rows, std::int64_t columns, const QuantFormat& format) {
  QuantizedMatrix matrix{.format = format, .rows = rows, .columns = columns};
  matrix.group_size = group_size_of(format, columns);
  matrix.groups = (columns - 1) / matrix.group_size + 1;
  matrix.codes.resize(static_cast<std::size_t>(rows * columns));
  matrix.scales.resize(static_cast<std::size_t>(rows * matrix.groups));
  if (format.symmetry == Symmetry::kAsymmetric) matrix.zeros.resize(matrix.scales.size());
  return matrix;
}

// E4M3 of global * (magnitude / 6); a scale that rounds to 0 becomes the smallest one, so that nothing divides by 0.
float nvfp4_scale(float magnitude, float global_scale) {
  if (magnitude == 0) return 1.0f;
  const float scale = stored_scale(global_scale * (magnitude / largest_value(NumberKind::kFp4E2M1)), ScaleType::kE4M3);
  return std::max(scale, decode_e4m3(1));
}

void round_integers(std::span<const float> values, std::int64_t slot, QuantizedMatrix& matrix, std::uint8_t* codes) {
  const GroupKernels& kernels = group_kernels();
  const GroupParameters parameters = find_parameters_with(kernels, values, matrix.format);
  const auto at = static_cast<std::size_t>(slot);
  matrix.scales[at] = parameters.scale;
  if (!matrix.zeros.empty()) matrix.zeros[at] = static_cast<std::uint8_t>(parameters.zero);
  encode_with(kernels, values, parameters, matrix.format, codes);
}

void round_floats(std::span<const float> values, std::int64_t slot, QuantizedMatrix& matrix, std::uint8_t* codes) {
  const bool nvfp4 = matrix.format.scale_type == ScaleType::kE4M3;
  matrix.scales[static_cast<std::size_t>(slot)] = nvfp4 ? nvfp4_scale(largest_magnitude(values), matrix.global_scale)
                                                        : find_parameters(values, matrix.format).scale;
  const float scale = matrix.scale_of(slot);
  for (std::size_t i = 0; i < values.size(); ++i) codes[i] = encode_float_code(values[i] / scale, matrix.format.kind);
}

void round_row(std::span<const float> row, std::int64_t row_index, QuantizedMatrix& matrix) {
  const auto round = matrix.format.kind == NumberKind::kInteger ? round_integers : round_floats;
  for (std::int64_t group = 0; group < matrix.groups; ++group) {
    const std::int64_t start = group * matrix.group_size;
    const std::int64_t count = std::min(matrix.group_size, matrix.columns - start);
    round(row.subspan(static_cast<std::size_t>(start), static_cast<std::size_t>(count)),
          row_index * matrix.groups + group, matrix, matrix.codes.data() + row_index * matrix.columns + start);
  }
}

void check_arguments(std::span<const float> weights, std::int64_t rows, std::int64_t columns,
                     const QuantFormat& format) {
  validate(format, "round_to_nearest");
  const bool rows_of_groups = format.granularity == Granularity::kGroup || format.granularity == Granularity::kChannel;
  if (format.role != Role::kWeight || !rows_of_groups) {
    throw Error("round_to_nearest", to_string(format), "weights per channel or per group");
  }
  if (rows <= 0 || columns <= 0 ||
      weights.size() / static_cast<std::size_t>(columns) != static_cast<std::size_t>(rows) ||
      weights.size() % static_cast<std::size_t>(columns) != 0) {
    throw Error("round_to_nearest", fmt::format("{} values as {} x {}", weights.size(), rows, columns),
                "a whole, non-empty matrix");
  }
}

}  // namespace

float nvfp4_global_scale(std::span<const float> values) {
  const float largest = largest_magnitude(values);
  if (largest == 0) return 1.0f;
  const float scale = largest_value(NumberKind::kFp8E4M3) * largest_value(NumberKind::kFp4E2M1) / largest;
  return std::isfinite(scale) ? scale : 1.0f;
}

QuantizedMatrix round_to_nearest(std::span<const float> weights, std::int64_t rows, std::int64_t columns,
                                 const QuantFormat& format, ThreadPool* pool, std::optional<float> global_scale) {
  check_arguments(weights, rows, columns, format);
  QuantizedMatrix matrix = empty_matrix(rows, columns, format);
  if (format.scale_type == ScaleType::kE4M3) {
    matrix.global_scale = global_scale ? *global_scale : nvfp4_global_scale(weights);
  }
  run_on(pool, rows, [&](std::int64_t row) {
    round_row(weights.subspan(static_cast<std::size_t>(row * columns), static_cast<std::size_t>(columns)), row, matrix);
  });
  return matrix;
}

}  // namespace qreason
