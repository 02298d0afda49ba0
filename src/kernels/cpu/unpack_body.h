// Panels of any kind to float32, exactly as formats' dequantize_row does: scale * (code - zero), one rounding.
#pragma once

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/panel_storage.h"

namespace qreason {
namespace {

// 2^23 + code is a float whose low bits are the code: or instead of a conversion, and (2^23 + code) - (2^23 + zero) is
// exact.
inline constexpr std::uint32_t kMagicBits = 0x4b000000u;
inline constexpr float kMagic = 0x1p23f;

// 2^23 + code of column `j` of a unit.
template <class L, int Bits>
inline typename L::V shifted_code(const std::uint32_t* unit, int j) {
  const int position = j * Bits, word = position / 32, shift = position % 32;
  typename L::U codes = L::shift_right(L::words(unit + word * 16), shift);
  if (shift + Bits > 32) codes = L::either(codes, L::shift_left(L::words(unit + (word + 1) * 16), 32 - shift));
  return L::as_floats(L::masked_with(codes, L::set_word((1u << Bits) - 1u), L::set_word(kMagicBits)));
}

template <class L, int Bits>
void expand_quantized(const PanelView& view, std::int64_t panel, std::int64_t first, std::int64_t count, float* out) {
  const float* scales = view.scales + panel * view.groups * 16;
  const std::uint8_t* zeros = view.zeros + panel * view.groups * 16;
  const typename L::V magic = L::set(kMagic);
  const bool simple = units_lie_in_groups(view);
  for (std::int64_t k = 0; k < count; k += kUnitColumns, out += kUnitColumns * 16) {
    const std::uint32_t* unit = view.words + (panel * view.units + (first + k) / kUnitColumns) * Bits * 16;
    if (simple) {
      const std::int64_t group = (first + k) / view.group_size;
      const typename L::V scale = L::load(scales + group * 16);
      const typename L::V zero = L::add(magic, L::load_u8(zeros + group * 16));
      QREASON_UNROLL_UNIT
      for (int j = 0; j < kUnitColumns; ++j) {
        L::store(out + j * 16, L::mul(scale, L::sub(shifted_code<L, Bits>(unit, j), zero)));
      }
      continue;
    }
    const std::int64_t left = count - k < kUnitColumns ? count - k : kUnitColumns;
    alignas(64) float codes[kUnitColumns * 16];
    QREASON_UNROLL_UNIT
    for (int j = 0; j < kUnitColumns; ++j) L::store(codes + j * 16, shifted_code<L, Bits>(unit, j));
    for (std::int64_t j = 0; j < left; ++j) {
      const std::int64_t column = first + k + j;
      const std::int64_t group = view.group_index != nullptr ? view.group_index[column] : column / view.group_size;
      const typename L::V zero = L::add(magic, L::load_u8(zeros + group * 16));
      const typename L::V whole = L::sub(L::load(codes + j * 16), zero);
      L::store(out + j * 16, L::mul(L::load(scales + group * 16), whole));
    }
  }
}

template <class L>
void expand(const PanelView& view, std::int64_t panel, std::int64_t first, std::int64_t count, float* out) {
  const std::int64_t base = (panel * view.columns + first) * 16;
  if (view.kind == WeightKind::kFloat32) {
    for (std::int64_t k = 0; k < count; ++k) L::store(out + k * 16, L::load(view.float32 + base + k * 16));
    return;
  }
  if (view.kind == WeightKind::kBFloat16) {
    for (std::int64_t k = 0; k < count; ++k) L::store(out + k * 16, L::load_bf16(view.bfloat16 + base + k * 16));
    return;
  }
  switch (view.bits) {
    case 2:
      return expand_quantized<L, 2>(view, panel, first, count, out);
    case 3:
      return expand_quantized<L, 3>(view, panel, first, count, out);
    case 4:
      return expand_quantized<L, 4>(view, panel, first, count, out);
    case 5:
      return expand_quantized<L, 5>(view, panel, first, count, out);
    case 6:
      return expand_quantized<L, 6>(view, panel, first, count, out);
    case 7:
      return expand_quantized<L, 7>(view, panel, first, count, out);
    default:
      return expand_quantized<L, 8>(view, panel, first, count, out);
  }
}

}  // namespace
}  // namespace qreason
