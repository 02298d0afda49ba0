// One head's keys or values of a page in codes, as kernels/page_stream.h lays them out, to the float32 that a page of
// floats would hold: scale * (element(code) - zero), one rounding.
#pragma once

#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu/unpack_body.h"

namespace qreason {
namespace {

inline constexpr int kUnitCodes = 8;

// Scales and zero points of the head's runs, [runs, kPageTokens] each, as floats; the zero points with the shift of the
// element in them.
struct RunParameters {
  float* scales = nullptr;
  float* zeros = nullptr;
};

template <class L>
inline typename L::V scales_of_type(const std::byte* from, ScaleType type) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
  const auto* halves = reinterpret_cast<const std::uint16_t*>(from);
  switch (type) {
    case ScaleType::kFloat16:
      return FloatElement<L, 5, 10>::value(L::shift_right(L::as_words(L::load_bf16(halves)), 16));
    case ScaleType::kBFloat16:
      return L::load_bf16(halves);
    case ScaleType::kE8M0: {
      const typename L::V power = L::as_floats(L::shift_left(L::bytes(bytes), 23));  // 2^(code - 127), but for code 0
      return L::where_less(power, L::set(0x1p-126f), L::set(0x1p-127f), power);
    }
    case ScaleType::kE4M3:
      return FloatElement<L, 4, 3>::value(L::bytes(bytes));
    case ScaleType::kFloat32:
      break;
  }
  return L::load(reinterpret_cast<const float*>(from));
}

template <class L, class Element>
void load_parameters(const HeadStream& stream, const std::byte* page, std::int64_t head_dim,
                     const RunParameters& parameters) {
  const auto* zeros = reinterpret_cast<const std::uint8_t*>(page + stream.zeros);
  for (std::int64_t first = 0, at = 0; first < head_dim; first += stream.run, at += kPageTokens) {
    L::store(parameters.scales + at,
             scales_of_type<L>(page + stream.scales + at / kPageTokens * stream.run_scales, stream.scale_type));
    L::store(parameters.zeros + at, stream.zeros == 0 ? L::set(Element::kShift + stream.fixed_zero)
                                                      : L::add(L::set(Element::kShift), L::load_u8(zeros + at)));
  }
}

// The code of number `j` of a unit in the low bits of each lane's word; `bytes` are the unit's, a vector each.
template <class L, int Bits>
inline typename L::U unit_codes(const typename L::U* bytes, int j) {
  const int byte = j * Bits / 8, shift = j * Bits % 8;
  const typename L::U code = shift == 0 ? bytes[byte] : L::shift_right(bytes[byte], shift);
  return shift + Bits > 8 ? L::either(code, L::shift_left(bytes[byte + 1], 8 - shift)) : code;
}

// A unit of keys, numbers [d, d + kUnitCodes) of sixteen positions, without scale and zero point.
template <class L, class Element, class Take>
inline void for_unit(const std::uint8_t* codes, Take&& take) {
  typename L::U bytes[Element::kBits];
#pragma GCC unroll 8
  for (int i = 0; i < Element::kBits; ++i) bytes[i] = L::bytes(codes + i * kPageTokens);
  QREASON_UNROLL_UNIT
  for (int j = 0; j < kUnitCodes; ++j) take(j, Element::value(unit_codes<L, Element::kBits>(bytes, j)));
}

// out [head_dim, kPageTokens].
template <class L, class Element>
void expand_keys(const HeadStream& stream, const std::byte* page, std::int64_t head_dim,
                 const RunParameters& parameters, float* out) {
  constexpr int kUnitBytes = Element::kBits * kPageTokens;
  const auto* codes = reinterpret_cast<const std::uint8_t*>(page + stream.numbers);
  const float *scales = parameters.scales, *zeros = parameters.zeros;
  if (stream.run % kUnitCodes == 0) {
    for (std::int64_t run = 0; run < head_dim; run += stream.run, scales += kPageTokens, zeros += kPageTokens) {
      const typename L::V scale = L::load(scales), zero = L::load(zeros);
      for (std::int64_t d = run; d < run + stream.run; d += kUnitCodes, codes += kUnitBytes) {
        for_unit<L, Element>(
            codes, [&](int j, const typename L::V& value) __attribute__((always_inline)) {
              L::store(out + (d + j) * kPageTokens, L::mul(scale, L::sub(value, zero)));
            });
      }
    }
    return;
  }
  for (std::int64_t d = 0; d < head_dim; d += kUnitCodes, codes += kUnitBytes) {
    for_unit<L, Element>(codes, [&](int j, const typename L::V& value) {
      if (d + j >= head_dim) return;
      const std::int64_t at = (d + j) / stream.run * kPageTokens;
      L::store(out + (d + j) * kPageTokens, L::mul(L::load(scales + at), L::sub(value, L::load(zeros + at))));
    });
  }
}

// The parameters of up to sixteen numbers of a position that lie in several runs.
template <class L>
inline typename L::V mixed(const float* of_runs, std::int64_t first, std::int64_t run, std::int64_t lanes) {
  float values[16] = {};
  for (std::int64_t i = 0; i < lanes; ++i) values[i] = of_runs[(first + i) / run * kPageTokens];
  return L::load(values);
}

// Numbers of one position from a multiple of 16 on.
template <class L, class Element>
inline typename L::V row_elements(const std::uint8_t* row, std::int64_t first) {
  return Element::value(L::template packed_codes<Element::kBits>(row + first / kUnitCodes * Element::kBits));
}

// out [kPageTokens, head_dim].
template <class L, class Element>
void expand_values(const HeadStream& stream, const std::byte* page, std::int64_t head_dim,
                   const RunParameters& parameters, float* out) {
  const auto* row = reinterpret_cast<const std::uint8_t*>(page + stream.numbers);
  const bool vectors_lie_in_runs = stream.run % 16 == 0 || stream.run == head_dim;
  for (std::int64_t t = 0; t < kPageTokens; ++t, row += stream.row_bytes, out += head_dim) {
    const float *scales = parameters.scales + t, *zeros = parameters.zeros + t;
    if (!vectors_lie_in_runs) {
      for (std::int64_t d = 0; d < head_dim; d += 16) {
        const std::int64_t lanes = head_dim - d < 16 ? head_dim - d : 16;
        const typename L::V whole = L::sub(row_elements<L, Element>(row, d), mixed<L>(zeros, d, stream.run, lanes));
        L::store_first(out + d, L::mul(mixed<L>(scales, d, stream.run, lanes), whole), lanes);
      }
      continue;
    }
    for (std::int64_t run = 0; run < head_dim; run += stream.run, scales += kPageTokens, zeros += kPageTokens) {
      const typename L::V scale = L::set(*scales), zero = L::set(*zeros);
      const std::int64_t end = run + stream.run;
      std::int64_t d = run;
      for (; d + 16 <= end; d += 16) L::store(out + d, L::mul(scale, L::sub(row_elements<L, Element>(row, d), zero)));
      if (d < end) L::store_first(out + d, L::mul(scale, L::sub(row_elements<L, Element>(row, d), zero)), end - d);
    }
  }
}

enum class HeadOrder { kKeys, kValues };

// What is not looked at while the page before is expanded comes late.
inline void fetch_codes(const HeadStream& stream, const std::byte* page) {
  const std::byte* codes = page + stream.numbers;
  for (std::int64_t i = 0; i < stream.row_bytes * kPageTokens; i += 64) __builtin_prefetch(codes + i, 0, 2);
  __builtin_prefetch(page + stream.scales, 0, 2);
  if (stream.zeros != 0) __builtin_prefetch(page + stream.zeros, 0, 2);
}

template <class L, class Element, HeadOrder Order>
void expand_head(const HeadStream& stream, const std::byte* page, const std::byte* page_after, std::int64_t head_dim,
                 const RunParameters& parameters, float* out) {
  fetch_codes(stream, page_after);
  load_parameters<L, Element>(stream, page, head_dim, parameters);
  if constexpr (Order == HeadOrder::kKeys) {
    expand_keys<L, Element>(stream, page, head_dim, parameters, out);
  } else {
    expand_values<L, Element>(stream, page, head_dim, parameters, out);
  }
}

using ExpandHead = void (*)(const HeadStream&, const std::byte*, const std::byte*, std::int64_t, const RunParameters&,
                            float*);

template <class L, HeadOrder Order>
ExpandHead expansion_of(const HeadStream& stream) {
  constexpr ExpandHead kIntegers[] = {
      expand_head<L, IntegerElement<L, 2>, Order>, expand_head<L, IntegerElement<L, 3>, Order>,
      expand_head<L, IntegerElement<L, 4>, Order>, expand_head<L, IntegerElement<L, 5>, Order>,
      expand_head<L, IntegerElement<L, 6>, Order>, expand_head<L, IntegerElement<L, 7>, Order>,
      expand_head<L, IntegerElement<L, 8>, Order>};
  switch (stream.number) {
    case NumberKind::kFp8E4M3:
      return expand_head<L, FloatElement<L, 4, 3>, Order>;
    case NumberKind::kFp8E5M2:
      return expand_head<L, FloatElement<L, 5, 2>, Order>;
    case NumberKind::kFp4E2M1:
      return expand_head<L, FloatElement<L, 2, 1>, Order>;
    case NumberKind::kInteger:
      break;
  }
  return kIntegers[stream.bits - 2];
}

}  // namespace
}  // namespace qreason
