#include "formats/microscaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "formats/float_codecs.h"
#include "formats/reference_quantizer.h"

namespace qreason {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

bool is_nvfp4(const QuantFormat& format) {
  return format.scale_type == ScaleType::kE4M3;
}

void check_format(const QuantFormat& format, const char* where) {
  validate(format, where);
  if (format.scale_type == ScaleType::kFloat32 || format.group_size <= 0) {
    throw Error(where, to_string(format), "mxfp4, mxfp8e4m3, mxfp8e5m2 or nvfp4");
  }
}

float largest_magnitude(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) throw Error("quantizer", fmt::format("{} in a block", value), "finite values");
    largest = std::max(largest, std::abs(value));
  }
  return largest;
}

// E4M3 of global * (magnitude / 6); a scale that rounds to 0 becomes the smallest one, so that nothing divides by 0.
std::uint8_t nvfp4_scale(float magnitude, float global_scale) {
  if (magnitude == 0) return encode_e4m3(1.0f);
  return std::max<std::uint8_t>(encode_e4m3(global_scale * (magnitude / largest_value(NumberKind::kFp4E2M1))), 1);
}

std::uint8_t mx_scale(std::span<const float> block, const QuantFormat& format) {
  return static_cast<std::uint8_t>(std::ilogb(find_parameters(block, format).scale) + 127);
}

float scale_value(std::uint8_t scale, const MicroscaledMatrix& matrix) {
  return is_nvfp4(matrix.format) ? decode_e4m3(scale) / matrix.global_scale : decode_e8m0(scale);
}

}  // namespace

float nvfp4_global_scale(std::span<const float> values) {
  const float largest = largest_magnitude(values);
  if (largest == 0) return 1.0f;
  const float scale = largest_value(NumberKind::kFp8E4M3) * largest_value(NumberKind::kFp4E2M1) / largest;
  return std::isfinite(scale) ? scale : 1.0f;
}

MicroscaledMatrix quantize_microscaled(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                                       const QuantFormat& format, std::optional<float> global_scale) {
  check_format(format, "quantize_microscaled");
  if (rows <= 0 || columns <= 0 || rows > kMaxElements / columns ||
      values.size() != static_cast<std::size_t>(rows * columns)) {
    throw Error("quantize_microscaled", fmt::format("{} values as {} x {}", values.size(), rows, columns),
                "a whole, non-empty matrix");
  }
  MicroscaledMatrix matrix{.format = format, .rows = rows, .columns = columns};
  matrix.blocks = (columns - 1) / format.group_size + 1;
  if (is_nvfp4(format)) matrix.global_scale = global_scale ? *global_scale : nvfp4_global_scale(values);
  matrix.codes.resize(values.size());
  matrix.scales.reserve(static_cast<std::size_t>(rows * matrix.blocks));
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t start = 0; start < columns; start += format.group_size) {
      const auto at = static_cast<std::size_t>(row * columns + start);
      const auto block =
          values.subspan(at, static_cast<std::size_t>(std::min<std::int64_t>(format.group_size, columns - start)));
      const float magnitude = largest_magnitude(block);
      matrix.scales.push_back(is_nvfp4(format) ? nvfp4_scale(magnitude, matrix.global_scale) : mx_scale(block, format));
      const float scale = scale_value(matrix.scales.back(), matrix);
      for (std::size_t i = 0; i < block.size(); ++i)
        matrix.codes[at + i] = encode_float_code(block[i] / scale, format.kind);
    }
  }
  return matrix;
}

void validate(const MicroscaledMatrix& matrix, const char* where) {
  check_format(matrix.format, where);
  const bool sane = matrix.rows > 0 && matrix.columns > 0 && matrix.rows <= kMaxElements / matrix.columns &&
                    matrix.blocks == (matrix.columns - 1) / matrix.format.group_size + 1;
  if (!sane || matrix.codes.size() != static_cast<std::size_t>(matrix.rows * matrix.columns) ||
      matrix.scales.size() != static_cast<std::size_t>(matrix.rows * matrix.blocks)) {
    throw Error(where,
                fmt::format("{} codes and {} scales for {} x {} in {} blocks", matrix.codes.size(),
                            matrix.scales.size(), matrix.rows, matrix.columns, matrix.blocks),
                fmt::format("blocks of {}", matrix.format.group_size));
  }
  if (!(matrix.global_scale > 0) || !std::isfinite(matrix.global_scale)) {
    throw Error(where, fmt::format("a global scale of {}", matrix.global_scale), "a positive number");
  }
  for (const std::uint8_t scale : matrix.scales) {
    if (!std::isfinite(scale_value(scale, matrix))) throw Error(where, "a scale that is not finite", "finite scales");
  }
  if (matrix.format.bits == 4 &&
      std::any_of(matrix.codes.begin(), matrix.codes.end(), [](int code) { return code > 15; })) {
    throw Error(where, "a code above 15", "4 bits");
  }
}

void dequantize_row(const MicroscaledMatrix& matrix, std::int64_t row, std::span<float> out) {
  if (row < 0 || row >= matrix.rows || out.size() != static_cast<std::size_t>(matrix.columns)) {
    throw Error("dequantize_row", fmt::format("row {} into {} values", row, out.size()),
                fmt::format("one of {} rows of {}", matrix.rows, matrix.columns));
  }
  for (std::int64_t column = 0; column < matrix.columns; ++column) {
    const auto block = static_cast<std::size_t>(row * matrix.blocks + column / matrix.format.group_size);
    const std::uint8_t code = matrix.codes[static_cast<std::size_t>(row * matrix.columns + column)];
    out[static_cast<std::size_t>(column)] =
        decode_float_code(code, matrix.format.kind) * scale_value(matrix.scales[block], matrix);
  }
}

}  // namespace qreason
