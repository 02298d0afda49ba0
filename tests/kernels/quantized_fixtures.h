// Quantized matrices of random codes, in every kind of format.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "formats/float_codecs.h"
#include "formats/quantized_matrix.h"
#include "formats/scale_codec.h"
#include "kernels/kernel_fixtures.h"

namespace qreason::testing {

enum class Order { kPlain, kShuffled };

// Random codes, not rounded weights: every code of every width occurs.
inline QuantizedMatrix random_matrix(std::int64_t rows, std::int64_t columns, const QuantFormat& format, Order order) {
  std::mt19937 generator(static_cast<std::uint32_t>(rows * 31 + columns * 7 + format.bits));
  QuantizedMatrix m{.format = format, .rows = rows, .columns = columns};
  m.group_size =
      format.granularity == Granularity::kGroup ? std::min<std::int64_t>(format.group_size, columns) : columns;
  m.groups = (columns + m.group_size - 1) / m.group_size;
  const bool integers = format.kind == NumberKind::kInteger;
  const auto code = [&] {
    const auto any = static_cast<std::uint8_t>(generator() % (1u << format.bits));
    return integers || (any & 0x7F) < first_code_not_finite(format.kind) ? any : static_cast<std::uint8_t>(any & 0x80);
  };
  m.codes.resize(static_cast<std::size_t>(rows * columns));
  std::generate(m.codes.begin(), m.codes.end(), code);
  m.scales = normal_floats(static_cast<std::size_t>(rows * m.groups), 5);
  for (float& scale : m.scales) scale = stored_scale(integers ? scale : std::abs(scale) + 0.01f, format.scale_type);
  if (format.scale_type == ScaleType::kE4M3) m.global_scale = 3.7f;
  if (format.symmetry == Symmetry::kAsymmetric) {
    m.zeros.resize(m.scales.size());
    std::generate(m.zeros.begin(), m.zeros.end(), code);
  }
  if (order == Order::kShuffled) {
    for (std::int64_t c = 0; c < columns; ++c) m.group_index.push_back(static_cast<std::int32_t>(c / m.group_size));
    std::shuffle(m.group_index.begin(), m.group_index.end(), generator);
  }
  validate(m, "random matrix");
  return m;
}

inline QuantFormat integers(int bits, Symmetry symmetry, std::int64_t group_size) {
  QuantFormat format{.bits = bits, .symmetry = symmetry};
  if (group_size == 0) return format;
  format.granularity = Granularity::kGroup;
  format.group_size = static_cast<int>(group_size);
  return format;
}

// One of each width of integers, and everything that is not integers.
inline std::vector<QuantFormat> all_kinds() {
  std::vector<QuantFormat> formats;
  for (const char* text : {"w2g32-asym", "w3g48-sym", "w4g64-asym-sf16", "w5c-asym-sbf16", "w6g7-sym", "w7c-sym",
                           "w8g128-asym", "fp8e4m3", "fp8e4m3-g64-sbf16", "fp8e5m2", "fp8e5m2-g48", "fp4e2m1",
                           "fp4e2m1-g32-sf16", "mxfp8e4m3", "mxfp8e5m2", "mxfp4", "nvfp4"}) {
    formats.push_back(parse_quant_format(text));
  }
  return formats;
}

}  // namespace qreason::testing
