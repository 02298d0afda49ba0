// Quantized matrices whose codes are those of a block format.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "checkpoint/ggml_encode.h"
#include "formats/float_codecs.h"

namespace qreason {
namespace {

constexpr std::int64_t kRun = 32;  // columns of a block

void put_half(float value, std::byte* out) {
  const std::uint16_t bits = encode_float16(value);
  std::memcpy(out, &bits, sizeof(bits));
}

void require_runs(const QuantizedMatrix& matrix, const std::string& where) {
  if (!matrix.group_index.empty()) {
    throw Error(where, "columns in the order of activations",
                "groups of neighbours: static_groups=true, or no act_order");
  }
  if (matrix.group_size % kRun != 0 || matrix.columns % kRun != 0) {
    throw Error(where, fmt::format("groups of {} in {} columns", matrix.group_size, matrix.columns),
                fmt::format("multiples of {}, the columns of a GGUF block", kRun));
  }
}

// The largest magnitude of code - zero that occurs, the smallest being -largest or above.
int widest_difference(const QuantizedMatrix& matrix) {
  int widest = 0;
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    for (std::int64_t column = 0; column < matrix.columns; ++column) {
      const auto slot = static_cast<std::size_t>(row * matrix.groups + column / matrix.group_size);
      const int difference = matrix.codes[static_cast<std::size_t>(row * matrix.columns + column)] - matrix.zeros[slot];
      // -128 is a code, 128 is none.
      widest = std::max(widest, difference < 0 ? -difference - 1 : difference);
    }
  }
  return widest;
}

bool minima_are_halves(const QuantizedMatrix& matrix) {
  for (std::size_t slot = 0; slot < matrix.scales.size(); ++slot) {
    const float minimum = -matrix.scales[slot] * static_cast<float>(matrix.zeros[slot]);
    if (decode_float16(encode_float16(minimum)) != minimum) return false;
  }
  return true;
}

GgmlType asymmetric_type(const QuantizedMatrix& matrix, const std::string& where) {
  const int bits = matrix.format.bits;
  if (bits <= 3) return GgmlType::kQ4_0;
  if (bits == 4) return minima_are_halves(matrix) ? GgmlType::kQ4_1 : GgmlType::kQ5_0;
  if (bits == 8) {
    if (const int widest = widest_difference(matrix); widest > 127) {
      throw Error(where,
                  fmt::format("{}, whose codes lie up to {} from their zero points", to_string(matrix.format), widest),
                  "differences of 8 bits, as of symmetric formats (--set symmetric=true)");
    }
  }
  return GgmlType::kQ8_0;
}

// Codes as GGUF's signed ones.
void signed_codes(const QuantizedMatrix& matrix, std::int64_t row, std::int64_t first, int* out) {
  const auto slot = static_cast<std::size_t>(row * matrix.groups + first / matrix.group_size);
  const int zero = matrix.zeros.empty() ? matrix.format.code_offset() : matrix.zeros[slot];
  const std::uint8_t* codes = matrix.codes.data() + row * matrix.columns + first;
  for (int j = 0; j < kRun; ++j) out[j] = codes[j] - zero;
}

void put_nibbles(const int* codes, std::byte* out) {
  for (int j = 0; j < 16; ++j) out[j] = static_cast<std::byte>((codes[j] & 15) | (codes[j + 16] & 15) << 4);
}

void put_fifth_bits(const int* codes, std::byte* out) {
  std::uint32_t word = 0;
  for (int j = 0; j < kRun; ++j) word |= static_cast<std::uint32_t>(codes[j] >> 4 & 1) << j;
  std::memcpy(out, &word, sizeof(word));
}

void encode_run(GgmlType type, const QuantizedMatrix& matrix, std::int64_t row, std::int64_t first, std::byte* out) {
  const auto slot = static_cast<std::size_t>(row * matrix.groups + first / matrix.group_size);
  const float scale = matrix.scales[slot];
  int codes[kRun];
  if (type == GgmlType::kQ4_1 || type == GgmlType::kMXFP4) {
    const std::uint8_t* stored = matrix.codes.data() + row * matrix.columns + first;
    std::copy_n(stored, kRun, codes);
  } else {
    signed_codes(matrix, row, first, codes);
  }
  switch (type) {
    case GgmlType::kQ4_0:
      put_half(scale, out);
      for (int& code : codes) code += 8;
      return put_nibbles(codes, out + 2);
    case GgmlType::kQ4_1:
      put_half(scale, out);
      put_half(-scale * static_cast<float>(matrix.zeros[slot]), out + 2);
      return put_nibbles(codes, out + 4);
    case GgmlType::kQ5_0:
      put_half(scale, out);
      for (int& code : codes) code += 16;
      put_fifth_bits(codes, out + 2);
      return put_nibbles(codes, out + 6);
    case GgmlType::kQ8_0:
      put_half(scale, out);
      for (int j = 0; j < kRun; ++j) out[2 + j] = static_cast<std::byte>(static_cast<std::int8_t>(codes[j]));
      return;
    case GgmlType::kMXFP4:
      // The scale is a power of two, 2^(byte - 127).
      out[0] = static_cast<std::byte>(std::ilogb(scale) + 127);
      return put_nibbles(codes, out + 1);
    default:
      throw Error(std::string(name_of(type)), "codes to move", "Q4_0, Q4_1, Q5_0, Q8_0 or MXFP4");
  }
}

}  // namespace

GgmlType exact_ggml_type(const QuantizedMatrix& matrix, const std::string& where) {
  require_runs(matrix, where);
  const QuantFormat& format = matrix.format;
  if (format.kind == NumberKind::kFp4E2M1 && format.scale_type == ScaleType::kE8M0) return GgmlType::kMXFP4;
  if (format.kind != NumberKind::kInteger) {
    throw Error(where, to_string(format), "integers or mxfp4, which GGUF has blocks for");
  }
  if (format.symmetry == Symmetry::kAsymmetric) return asymmetric_type(matrix, where);
  if (format.bits <= 4) return GgmlType::kQ4_0;
  return format.bits == 5 ? GgmlType::kQ5_0 : GgmlType::kQ8_0;
}

void encode_ggml_codes(GgmlType type, const QuantizedMatrix& matrix, std::int64_t row, std::span<std::byte> blocks) {
  const std::int64_t runs = matrix.columns / kRun, bytes = block_of(type).bytes;
  if (static_cast<std::int64_t>(blocks.size()) != runs * bytes) {
    throw Error(std::string(name_of(type)), fmt::format("room for {} bytes", blocks.size()),
                fmt::format("{}", runs * bytes));
  }
  for (std::int64_t run = 0; run < runs; ++run) {
    encode_run(type, matrix, row, run * kRun, blocks.data() + run * bytes);
  }
}

}  // namespace qreason
