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

// out [head_dim, kPageTokens].
template <class L, class Element>
void expand_keys(const HeadStream& stream, const std::byte* page, const std::byte* page_after, std::int64_t head_dim,
                 const RunParameters& parameters, float* out) {
  load_parameters<L, Element>(stream, page, head_dim, parameters);
  constexpr int kBits = Element::kBits, kUnitBytes = kBits * kPageTokens;
  const auto* codes = reinterpret_cast<const std::uint8_t*>(page + stream.numbers);
  const auto* codes_after = reinterpret_cast<const std::uint8_t*>(page_after + stream.numbers);
  const bool units_lie_in_runs = stream.run % kUnitCodes == 0;
  for (std::int64_t d = 0; d < head_dim; d += kUnitCodes, codes += kUnitBytes, codes_after += kUnitBytes) {
    for (int line = 0; line < kUnitBytes; line += 64) __builtin_prefetch(codes_after + line, 0, 2);
    typename L::U bytes[kBits];
#pragma GCC unroll 8
    for (int i = 0; i < kBits; ++i) bytes[i] = L::bytes(codes + i * kPageTokens);
    if (units_lie_in_runs) {
      const std::int64_t at = d / stream.run * kPageTokens;
      const typename L::V scale = L::load(parameters.scales + at), zero = L::load(parameters.zeros + at);
      QREASON_UNROLL_UNIT
      for (int j = 0; j < kUnitCodes; ++j) {
        const typename L::V value = Element::value(unit_codes<L, kBits>(bytes, j));
        L::store(out + (d + j) * kPageTokens, L::mul(scale, L::sub(value, zero)));
      }
      continue;
    }
    alignas(64) float elements[kUnitCodes * kPageTokens];
    QREASON_UNROLL_UNIT
    for (int j = 0; j < kUnitCodes; ++j) {
      L::store(elements + j * kPageTokens, Element::value(unit_codes<L, kBits>(bytes, j)));
    }
    for (std::int64_t j = 0; j < kUnitCodes && d + j < head_dim; ++j) {
      const std::int64_t at = (d + j) / stream.run * kPageTokens;
      const typename L::V whole = L::sub(L::load(elements + j * kPageTokens), L::load(parameters.zeros + at));
      L::store(out + (d + j) * kPageTokens, L::mul(L::load(parameters.scales + at), whole));
    }
  }
}

// The parameters of sixteen numbers of a position that lie in several runs.
template <class L>
inline typename L::V mixed(const float* of_runs, std::int64_t first, std::int64_t run, std::int64_t lanes) {
  float values[16] = {};
  for (std::int64_t i = 0; i < lanes; ++i) values[i] = of_runs[(first + i) / run * kPageTokens];
  return L::load(values);
}

// out [kPageTokens, head_dim].
template <class L, class Element>
void expand_values(const HeadStream& stream, const std::byte* page, const std::byte* page_after, std::int64_t head_dim,
                   const RunParameters& parameters, float* out) {
  load_parameters<L, Element>(stream, page, head_dim, parameters);
  const auto* codes = reinterpret_cast<const std::uint8_t*>(page + stream.numbers);
  const auto* codes_after = reinterpret_cast<const std::uint8_t*>(page_after + stream.numbers);
  for (std::int64_t i = 0; i < stream.row_bytes * kPageTokens; i += 64) __builtin_prefetch(codes_after + i, 0, 2);
  const bool vectors_lie_in_runs = stream.run % 16 == 0;
  for (std::int64_t t = 0; t < kPageTokens; ++t, codes += stream.row_bytes, out += head_dim) {
    const float *scales = parameters.scales + t, *zeros = parameters.zeros + t;
    for (std::int64_t d = 0; d < head_dim; d += 16) {
      const std::int64_t lanes = head_dim - d < 16 ? head_dim - d : 16;
      const typename L::V value =
          Element::value(L::template packed_codes<Element::kBits>(codes + d / kUnitCodes * Element::kBits));
      const std::int64_t at = d / stream.run * kPageTokens;
      const typename L::V scale = vectors_lie_in_runs ? L::set(scales[at]) : mixed<L>(scales, d, stream.run, lanes);
      const typename L::V zero = vectors_lie_in_runs ? L::set(zeros[at]) : mixed<L>(zeros, d, stream.run, lanes);
      L::store_first(out + d, L::mul(scale, L::sub(value, zero)), lanes);
    }
  }
}

using ExpandHead = void (*)(const HeadStream&, const std::byte*, const std::byte*, std::int64_t, const RunParameters&,
                            float*);

struct Expansions {
  ExpandHead keys, values;
};

template <class L, class Element>
constexpr Expansions expansions_of_element() {
  return {.keys = expand_keys<L, Element>, .values = expand_values<L, Element>};
}

template <class L>
Expansions expansions_of(const HeadStream& stream) {
  constexpr Expansions kIntegers[] = {
      expansions_of_element<L, IntegerElement<L, 2>>(), expansions_of_element<L, IntegerElement<L, 3>>(),
      expansions_of_element<L, IntegerElement<L, 4>>(), expansions_of_element<L, IntegerElement<L, 5>>(),
      expansions_of_element<L, IntegerElement<L, 6>>(), expansions_of_element<L, IntegerElement<L, 7>>(),
      expansions_of_element<L, IntegerElement<L, 8>>()};
  switch (stream.number) {
    case NumberKind::kFp8E4M3:
      return expansions_of_element<L, FloatElement<L, 4, 3>>();
    case NumberKind::kFp8E5M2:
      return expansions_of_element<L, FloatElement<L, 5, 2>>();
    case NumberKind::kFp4E2M1:
      return expansions_of_element<L, FloatElement<L, 2, 1>>();
    case NumberKind::kInteger:
      break;
  }
  return kIntegers[stream.bits - 2];
}

}  // namespace
}  // namespace qreason
