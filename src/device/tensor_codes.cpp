#include "device/tensor_codes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/round.h>
#include <ATen/ops/signbit.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include "formats/float_codecs.h"

namespace qreason {
namespace {

constexpr std::int64_t kUnit = 8;  // codes

at::ScalarType float8(NumberKind kind) {
  return kind == NumberKind::kFp8E4M3 ? at::kFloat8_e4m3fn : at::kFloat8_e5m2;
}

// The bit patterns of scaled values.
at::Tensor float_codes(const at::Tensor& x, NumberKind kind) {
  if (kind == NumberKind::kFp4E2M1) {
    const at::Tensor size = at::clamp(at::abs(x), 0, 6);
    const at::Tensor code =
        at::where(size < 2, at::round(size * 2), at::where(size < 4, at::round(size) + 2, at::round(size / 2) + 4));
    return (code + at::signbit(x).to(at::kFloat) * 8).to(at::kByte);
  }
  const double largest = largest_value(kind);
  return at::clamp(x, -largest, largest).to(float8(kind)).view(at::kByte);
}

at::Tensor elements(const at::Tensor& codes, NumberKind kind) {
  if (kind == NumberKind::kInteger) return codes.to(at::kFloat);
  if (kind != NumberKind::kFp4E2M1) return codes.view(float8(kind)).to(at::kFloat);
  const at::Tensor code = codes.bitwise_and(7).to(at::kFloat);  // 0 .5 1 1.5 2 3 4 6
  const at::Tensor size = at::where(code < 4, code / 2, at::where(code < 6, code - 2, code * 2 - 8));
  return at::where(codes.bitwise_and(8) == 0, size, -size);
}

}  // namespace

RunCodes encode_runs(const at::Tensor& runs, const QuantFormat& format, const RunClips* clips, float global_scale) {
  const RunParameters found =
      clips == nullptr ? find_run_parameters(runs, format, global_scale) : find_run_parameters(runs, format, *clips);
  const at::Tensor scaled = runs / found.scale;
  if (format.kind != NumberKind::kInteger) {
    return {.codes = float_codes(scaled, format.kind), .scale = found.scale, .zero = found.zero};
  }
  const int highest = format.max_code(), offset = format.code_offset();
  const int lowest = format.symmetry == Symmetry::kSymmetric ? -(highest + 1) : 0;
  const at::Tensor codes = at::clamp(at::round(scaled) + found.zero, lowest, highest) + offset;
  const at::Tensor zero = offset == 0 ? found.zero : at::full_like(found.zero, offset);
  return {.codes = codes.to(at::kByte), .scale = found.scale, .zero = zero};
}

at::Tensor decode_runs(const at::Tensor& codes, const at::Tensor& scale, const at::Tensor& zero, NumberKind kind) {
  return (elements(codes, kind) - zero) * scale;
}

std::int64_t packed_bytes(std::int64_t count, int bits) {
  return (count + kUnit - 1) / kUnit * bits;
}

at::Tensor pack_codes(const at::Tensor& codes, int bits) {
  const std::int64_t count = codes.size(-1), units = (count + kUnit - 1) / kUnit;
  const at::Tensor whole = count == units * kUnit ? codes : at::constant_pad_nd(codes, {0, units * kUnit - count});
  if (bits == 8) return whole;
  if (bits == 4) {
    const at::Tensor pairs = whole.unflatten(-1, {units * kUnit / 2, 2});
    return pairs.select(-1, 0) + pairs.select(-1, 1) * 16;
  }
  const at::TensorOptions longs = at::TensorOptions().dtype(at::kLong).device(codes.device());
  const at::Tensor shifts = at::arange(kUnit, longs) * bits, bytes = at::arange(bits, longs) * 8;
  const at::Tensor words = whole.unflatten(-1, {units, kUnit}).to(at::kLong).bitwise_left_shift(shifts).sum(-1, true);
  return words.bitwise_right_shift(bytes).bitwise_and(255).to(at::kByte).flatten(-2);
}

at::Tensor unpack_codes(const at::Tensor& bytes, std::int64_t count, int bits) {
  const std::int64_t units = bytes.size(-1) / bits;
  at::Tensor codes;
  if (bits == 8) {
    codes = bytes;
  } else if (bits == 4) {
    codes = at::stack({bytes.bitwise_and(15), bytes.bitwise_right_shift(4)}, -1).flatten(-2);
  } else {
    const at::TensorOptions longs = at::TensorOptions().dtype(at::kLong).device(bytes.device());
    const at::Tensor shifts = at::arange(kUnit, longs) * bits, places = at::arange(bits, longs) * 8;
    const at::Tensor words = bytes.unflatten(-1, {units, bits}).to(at::kLong).bitwise_left_shift(places).sum(-1, true);
    codes = words.bitwise_right_shift(shifts).bitwise_and((1 << bits) - 1).to(at::kByte).flatten(-2);
  }
  return codes.size(-1) == count ? codes : codes.narrow(-1, 0, count);
}

}  // namespace qreason
