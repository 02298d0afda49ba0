#include "formats/quantized_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "formats/reference_quantizer.h"

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

void check_group_index(const QuantizedMatrix& matrix, const char* where) {
  if (matrix.group_index.empty()) return;
  check_size(matrix.group_index.size(), matrix.columns, "group indices", where);
  for (const std::int32_t group : matrix.group_index) {
    if (group < 0 || group >= matrix.groups) {
      throw Error(where, fmt::format("group index {}", group), fmt::format("0 to {}", matrix.groups - 1));
    }
  }
}

}  // namespace

void validate(const QuantizedMatrix& matrix, const char* where) {
  validate(matrix.format, where);
  if (matrix.format.role != Role::kWeight || matrix.format.kind != NumberKind::kInteger) {
    throw Error(where, to_string(matrix.format), "integer weights");
  }
  check_shape(matrix, where);
  check_group_index(matrix, where);
  check_size(matrix.codes.size(), matrix.rows * matrix.columns, "codes", where);
  check_size(matrix.scales.size(), matrix.rows * matrix.groups, "scales", where);
  check_size(matrix.zeros.size(), asymmetric(matrix.format) ? matrix.rows * matrix.groups : 0, "zeros", where);
  const int highest = (1 << matrix.format.bits) - 1;
  const auto too_large = [&](std::uint8_t code) { return code > highest; };
  if (std::any_of(matrix.codes.begin(), matrix.codes.end(), too_large) ||
      std::any_of(matrix.zeros.begin(), matrix.zeros.end(), too_large)) {
    throw Error(where, fmt::format("a code or zero point above {}", highest),
                fmt::format("{} bits", matrix.format.bits));
  }
  const auto not_finite = [](float scale) { return !std::isfinite(scale); };
  if (const auto bad = std::find_if(matrix.scales.begin(), matrix.scales.end(), not_finite);
      bad != matrix.scales.end()) {
    const std::int64_t at = bad - matrix.scales.begin();
    throw Error(where, fmt::format("the scale {} at [{}, {}]", *bad, at / matrix.groups, at % matrix.groups),
                "finite scales");
  }
}

void dequantize_row(const QuantizedMatrix& matrix, std::int64_t row, std::span<float> out) {
  if (row < 0 || row >= matrix.rows || out.size() != static_cast<std::size_t>(matrix.columns)) {
    throw Error("dequantize_row", fmt::format("row {} into {} values", row, out.size()),
                fmt::format("one of {} rows of {}", matrix.rows, matrix.columns));
  }
  const std::uint8_t* codes = matrix.codes.data() + row * matrix.columns;
  const float* scales = matrix.scales.data() + row * matrix.groups;
  const std::uint8_t* zeros = matrix.zeros.empty() ? nullptr : matrix.zeros.data() + row * matrix.groups;
  const int offset = matrix.format.code_offset();
  for (std::int64_t column = 0; column < matrix.columns; ++column) {
    const std::int64_t group = matrix.group_of(column);
    const int zero = zeros == nullptr ? offset : zeros[group];
    out[static_cast<std::size_t>(column)] = scales[group] * static_cast<float>(codes[column] - zero);
  }
}

}  // namespace qreason
