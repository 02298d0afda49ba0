#include "formats/quantized_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "formats/float_codecs.h"
#include "formats/group_kernels.h"
#include "formats/scale_codec.h"

namespace qreason {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

bool asymmetric(const QuantFormat& format) {
  return format.symmetry == Symmetry::kAsymmetric;
}

void check_size(std::size_t got, std::int64_t wanted, const char* what, const char* where) {
  if (got != static_cast<std::size_t>(wanted)) {
    throw Error(where, fmt::format("{} {}", got, what), fmt::format("{}", wanted));
  }
}

void check_shape(const QuantizedMatrix& matrix, const char* where) {
  const bool sane = matrix.rows > 0 && matrix.columns > 0 && matrix.rows <= kMaxElements / matrix.columns &&
                    matrix.groups > 0 && matrix.groups <= matrix.columns && matrix.group_size > 0;
  if (!sane) {
    throw Error(
        where, fmt::format("{} x {} in {} groups of {}", matrix.rows, matrix.columns, matrix.groups, matrix.group_size),
        "positive sizes, no more groups than columns");
  }
  const std::int64_t whole = (matrix.columns - 1) / matrix.group_size + 1;
  if (matrix.group_index.empty() && whole != matrix.groups) {
    throw Error(where, fmt::format("{} groups of {} for {} columns", matrix.groups, matrix.group_size, matrix.columns),
                fmt::format("{} groups", whole));
  }
}

// Where the format puts the scales is where they are.
void check_granularity(const QuantizedMatrix& matrix, const char* where) {
  const QuantFormat& format = matrix.format;
  if (format.role != Role::kWeight ||
      (format.granularity != Granularity::kGroup && format.granularity != Granularity::kChannel)) {
    throw Error(where, to_string(format), "weights per channel or per group");
  }
  const std::int64_t size = group_size_of(format, matrix.columns);
  if (matrix.group_size != size) {
    throw Error(where, fmt::format("groups of {} in {} columns", matrix.group_size, matrix.columns),
                fmt::format("groups of {} for {}", size, to_string(format)));
  }
}

void check_group_index(const QuantizedMatrix& matrix, const char* where) {
  if (matrix.group_index.empty()) return;
  check_size(matrix.group_index.size(), matrix.columns, "group indices", where);
  for (const std::int32_t group : matrix.group_index) {
    if (group < 0 || group >= matrix.groups) {
      throw Error(where, fmt::format("group index {}", group), fmt::format("0 to {}", matrix.groups - 1));
    }
  }
}

void check_scales(const QuantizedMatrix& matrix, const char* where) {
  if (!(matrix.global_scale > 0) || !std::isfinite(matrix.global_scale)) {
    throw Error(where, fmt::format("a global scale of {}", matrix.global_scale), "a positive number");
  }
  const ScaleType type = matrix.format.scale_type;
  if (type != ScaleType::kE4M3 && matrix.global_scale != 1) {
    throw Error(where, fmt::format("a global scale of {}", matrix.global_scale), "one with nvfp4 only");
  }
  for (std::size_t slot = 0; slot < matrix.scales.size(); ++slot) {
    const auto at = static_cast<std::int64_t>(slot);
    if (!std::isfinite(matrix.scale_of(at))) {
      throw Error(where,
                  fmt::format("the scale {} at [{}, {}]", matrix.scale_of(at), at / matrix.groups, at % matrix.groups),
                  "finite scales");
    }
    if (type != ScaleType::kFloat32 && stored_scale(matrix.scales[slot], type) != matrix.scales[slot]) {
      throw Error(where, fmt::format("a scale of {}", matrix.scales[slot]),
                  fmt::format("numbers of the scale type of {}", to_string(matrix.format)));
    }
  }
}

// The largest of code & mask. In runs of a constant length, which the compiler makes one vector of.
int largest_of(std::span<const std::uint8_t> codes, int mask) {
  constexpr std::size_t kRun = 64;
  std::uint8_t lanes[kRun] = {};
  std::size_t i = 0;
  for (; i + kRun <= codes.size(); i += kRun) {
    for (std::size_t j = 0; j < kRun; ++j) {
      const auto code = static_cast<std::uint8_t>(codes[i + j] & mask);
      lanes[j] = code > lanes[j] ? code : lanes[j];
    }
  }
  for (; i < codes.size(); ++i) lanes[0] = std::max(lanes[0], static_cast<std::uint8_t>(codes[i] & mask));
  return *std::max_element(std::begin(lanes), std::end(lanes));
}

void check_codes(const QuantizedMatrix& matrix, const char* where) {
  const int highest = (1 << matrix.format.bits) - 1;
  if (largest_of(matrix.codes, 0xFF) > highest || largest_of(matrix.zeros, 0xFF) > highest) {
    throw Error(where, fmt::format("a code or zero point above {}", highest),
                fmt::format("{} bits", matrix.format.bits));
  }
  const NumberKind kind = matrix.format.kind;
  if (kind != NumberKind::kInteger && largest_of(matrix.codes, 0x7F) >= first_code_not_finite(kind)) {
    throw Error(where, "a code that is not finite", "finite numbers");
  }
}

// Columns from this one on, side by side, that share its scale.
std::int64_t columns_together(const QuantizedMatrix& matrix, std::int64_t column) {
  if (matrix.group_index.empty()) {
    return std::min(matrix.group_size - column % matrix.group_size, matrix.columns - column);
  }
  std::int64_t end = column + 1;
  while (end < matrix.columns && matrix.group_of(end) == matrix.group_of(column)) ++end;
  return end - column;
}

void decode_group(NumberKind kind, std::span<const std::uint8_t> codes, GroupParameters parameters, float* out) {
  if (kind == NumberKind::kInteger) return group_kernels().decode(codes.data(), codes.size(), parameters, out);
  const auto elements = element_values(kind);
  for (std::size_t i = 0; i < codes.size(); ++i) out[i] = parameters.scale * (elements[codes[i]] - parameters.zero);
}

}  // namespace

float QuantizedMatrix::zero_of(std::int64_t slot) const {
  if (format.kind != NumberKind::kInteger) return 0.0f;
  return static_cast<float>(zeros.empty() ? format.code_offset() : zeros[static_cast<std::size_t>(slot)]);
}

void validate_layout(const QuantizedMatrix& matrix, const char* where) {
  validate(matrix.format, where);
  check_shape(matrix, where);
  check_granularity(matrix, where);
  check_group_index(matrix, where);
  check_size(matrix.codes.size(), matrix.rows * matrix.columns, "codes", where);
  check_size(matrix.scales.size(), matrix.rows * matrix.groups, "scales", where);
  check_size(matrix.zeros.size(), asymmetric(matrix.format) ? matrix.rows * matrix.groups : 0, "zeros", where);
}

void validate(const QuantizedMatrix& matrix, const char* where) {
  validate_layout(matrix, where);
  check_scales(matrix, where);
  check_codes(matrix, where);
}

void dequantize_row(const QuantizedMatrix& matrix, std::int64_t row, std::span<float> out) {
  if (row < 0 || row >= matrix.rows || out.size() != static_cast<std::size_t>(matrix.columns)) {
    throw Error("dequantize_row", fmt::format("row {} into {} values", row, out.size()),
                fmt::format("one of {} rows of {}", matrix.rows, matrix.columns));
  }
  const std::uint8_t* codes = matrix.codes.data() + row * matrix.columns;
  for (std::int64_t column = 0; column < matrix.columns;) {
    const std::int64_t group = matrix.group_of(column), slot = row * matrix.groups + group;
    const auto count = static_cast<std::size_t>(columns_together(matrix, column));
    decode_group(matrix.format.kind, {codes + column, count}, {matrix.scale_of(slot), matrix.zero_of(slot)},
                 out.data() + column);
    column += static_cast<std::int64_t>(count);
  }
}

}  // namespace qreason
