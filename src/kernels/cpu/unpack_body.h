// Panels of any kind to float32, exactly as formats' dequantize_row does: scale * (element(code) - zero), one rounding.
#pragma once

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/panel_storage.h"

namespace qreason {
namespace {

// 2^23 + code is a float whose low bits are the code: or instead of a conversion, and (2^23 + code) - (2^23 + zero) is
// exact.
inline constexpr std::uint32_t kMagicBits = 0x4b000000u;
inline constexpr float kMagic = 0x1p23f;

// Words whose low bits are the codes of column `j` of a unit; what stands above them is other columns'.
template <class L, int Bits>
inline typename L::U code_words(const std::uint32_t* unit, int j) {
  const int position = j * Bits, word = position / 32, shift = position % 32;
  typename L::U codes = L::shift_right(L::words(unit + word * 16), shift);
  if (shift + Bits > 32) codes = L::either(codes, L::shift_left(L::words(unit + (word + 1) * 16), 32 - shift));
  return codes;
}

// What codes in the low bits of words stand for: value(code) - (kShift + zero) is element(code) - zero, exactly.
template <class L, int Bits>
struct IntegerElement {
  static constexpr int kBits = Bits;
  static constexpr float kShift = kMagic;
  static typename L::V value(typename L::U code) {
    return L::as_floats(L::masked_with(code, L::set_word((1u << Bits) - 1u), L::set_word(kMagicBits)));
  }
};

// 2^23 + code of column `j` of a unit.
template <class L, int Bits>
inline typename L::V shifted_code(const std::uint32_t* unit, int j) {
  return IntegerElement<L, Bits>::value(code_words<L, Bits>(unit, j));
}

// A sign, `Exponent` bits with the bias 2^(Exponent-1) - 1 and `Mantissa` bits. The fields go where float32 has them:
// with the exponents' difference added a normal number is done. One with exponent field 0 would have come out as
// 1.m 2^-bias, below every normal one; it is (1.m - 1) 2^(1-bias).
template <class L, int Exponent, int Mantissa>
struct FloatElement {
  static constexpr int kBits = 1 + Exponent + Mantissa;
  static constexpr float kShift = 0.0f;
  static constexpr std::uint32_t kRebias = (127u - ((1u << (Exponent - 1)) - 1u)) << 23;
  static constexpr std::uint32_t kSmallestNormal = kRebias + (1u << 23);

  static typename L::V value(typename L::U code) {
    const typename L::U none = L::set_word(0);
    const typename L::U fields =
        L::shift_left(L::masked_with(code, L::set_word((1u << (kBits - 1)) - 1u), none), 23 - Mantissa);
    const typename L::V normal = L::as_floats(L::add_words(fields, L::set_word(kRebias)));
    const typename L::V smallest = L::as_floats(L::set_word(kSmallestNormal));
    const typename L::V subnormal = L::sub(L::as_floats(L::add_words(fields, L::set_word(kSmallestNormal))), smallest);
    const typename L::V magnitude = L::where_less(normal, smallest, subnormal, normal);
    const typename L::U sign = L::masked_with(L::shift_left(code, 32 - kBits), L::set_word(0x80000000u), none);
    return L::as_floats(L::either(L::as_words(magnitude), sign));
  }
};

// kShift + zero of sixteen lanes.
template <class L, class Element>
inline typename L::V shifted_zeros(const std::uint8_t* zeros, std::int64_t at) {
  if constexpr (Element::kShift == 0.0f) {
    return L::zero();  // floats have none
  } else {
    return L::add(L::set(Element::kShift), L::load_u8(zeros + at));
  }
}

template <class L, class Element>
void expand_quantized(const PanelView& view, std::int64_t panel, std::int64_t first, std::int64_t count, float* out) {
  const bool simple = units_lie_in_groups(view);
  for (std::int64_t k = 0; k < count; k += kUnitColumns, out += kUnitColumns * 16) {
    const std::uint32_t* unit = view.words + (panel * view.units + (first + k) / kUnitColumns) * Element::kBits * 16;
    if (simple) {
      const std::int64_t group = (first + k) / view.group_size;
      const std::int64_t parameters = (panel * view.groups + group) * 16;
      const typename L::V scale = L::load(view.scales + parameters);
      const typename L::V zero = shifted_zeros<L, Element>(view.zeros, parameters);
      QREASON_UNROLL_UNIT
      for (int j = 0; j < kUnitColumns; ++j) {
        L::store(out + j * 16, L::mul(scale, L::sub(Element::value(code_words<L, Element::kBits>(unit, j)), zero)));
      }
      continue;
    }
    const std::int64_t left = count - k < kUnitColumns ? count - k : kUnitColumns;
    alignas(64) float codes[kUnitColumns * 16];
    QREASON_UNROLL_UNIT
    for (int j = 0; j < kUnitColumns; ++j)
      L::store(codes + j * 16, Element::value(code_words<L, Element::kBits>(unit, j)));
    for (std::int64_t j = 0; j < left; ++j) {
      const std::int64_t column = first + k + j;
      const std::int64_t group = view.group_index != nullptr ? view.group_index[column] : column / view.group_size;
      const std::int64_t parameters = (panel * view.groups + group) * 16;
      const typename L::V whole = L::sub(L::load(codes + j * 16), shifted_zeros<L, Element>(view.zeros, parameters));
      L::store(out + j * 16, L::mul(L::load(view.scales + parameters), whole));
    }
  }
}

template <class L>
void expand_integers(const PanelView& view, std::int64_t panel, std::int64_t first, std::int64_t count, float* out) {
  switch (view.bits) {
    case 2:
      return expand_quantized<L, IntegerElement<L, 2>>(view, panel, first, count, out);
    case 3:
      return expand_quantized<L, IntegerElement<L, 3>>(view, panel, first, count, out);
    case 4:
      return expand_quantized<L, IntegerElement<L, 4>>(view, panel, first, count, out);
    case 5:
      return expand_quantized<L, IntegerElement<L, 5>>(view, panel, first, count, out);
    case 6:
      return expand_quantized<L, IntegerElement<L, 6>>(view, panel, first, count, out);
    case 7:
      return expand_quantized<L, IntegerElement<L, 7>>(view, panel, first, count, out);
    default:
      return expand_quantized<L, IntegerElement<L, 8>>(view, panel, first, count, out);
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
  switch (view.number) {
    case NumberKind::kFp8E4M3:
      return expand_quantized<L, FloatElement<L, 4, 3>>(view, panel, first, count, out);
    case NumberKind::kFp8E5M2:
      return expand_quantized<L, FloatElement<L, 5, 2>>(view, panel, first, count, out);
    case NumberKind::kFp4E2M1:
      return expand_quantized<L, FloatElement<L, 2, 1>>(view, panel, first, count, out);
    case NumberKind::kInteger:
      return expand_integers<L>(view, panel, first, count, out);
  }
}

}  // namespace
}  // namespace qreason
