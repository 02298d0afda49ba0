// Sixteen float32 lanes as every instruction set has them: one zmm register, two ymm registers, or four plain vectors.
// Kernel bodies are templates over one of these; a translation unit per instruction set instantiates them. Everything
// here and in the bodies lives in unnamed namespaces, so that no function compiled with wide instructions can be picked
// by the linker for code that must run anywhere.
//
// V: 16 floats, U: 16 unsigned 32-bit words. Every operation gives the same bits in all of them.
#pragma once

#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

// Units of packed codes are unrolled whole, so that every shift is by a constant. A sanitizer's checks around each of
// those thousands of loads would take the compiler many minutes: there they stay loops.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define QREASON_UNROLL_UNIT _Pragma("GCC unroll 1")
#define QREASON_CONSTANT_SHIFTS 0
#else
#define QREASON_UNROLL_UNIT _Pragma("GCC unroll 32")
#define QREASON_CONSTANT_SHIFTS 1
#endif

namespace qreason {
namespace {

#if !defined(__AVX2__)

struct GenericLanes {
  using F4 [[gnu::vector_size(16), gnu::may_alias]] = float;
  using U4 [[gnu::vector_size(16), gnu::may_alias]] = std::uint32_t;
  using D2 [[gnu::vector_size(16), gnu::may_alias]] = double;
  using W2 [[gnu::vector_size(16), gnu::may_alias]] = std::uint64_t;
  struct V {
    F4 part[4];
  };
  struct U {
    U4 part[4];
  };
  static constexpr int kTileRows = 3;
  static constexpr int kTilePanels = 1;

  static V set(float a) {
    const F4 four = {a, a, a, a};
    return {{four, four, four, four}};
  }
  static V zero() { return set(0.0f); }
  static V load(const float* from) {
    V v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
  }
  static void store(float* to, const V& v) { __builtin_memcpy(to, &v, sizeof v); }
  static V load_first(const float* from, std::int64_t count) {
    if (count == 16) return load(from);
    V v = zero();
    __builtin_memcpy(&v, from, static_cast<std::size_t>(count) * sizeof(float));
    return v;
  }
  static void store_first(float* to, const V& v, std::int64_t count) {
    if (count == 16) return store(to, v);
    __builtin_memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(float));
  }
  template <class Operation>
  static V each(Operation operation) {
    V v;
    for (int i = 0; i < 4; ++i) v.part[i] = operation(i);
    return v;
  }
  static V add(const V& a, const V& b) {
    return each([&](int i) { return a.part[i] + b.part[i]; });
  }
  static V sub(const V& a, const V& b) {
    return each([&](int i) { return a.part[i] - b.part[i]; });
  }
  static V mul(const V& a, const V& b) {
    return each([&](int i) { return a.part[i] * b.part[i]; });
  }
  static V div(const V& a, const V& b) {
    return each([&](int i) { return a.part[i] / b.part[i]; });
  }
  // a * b + c rounded once. Without an instruction for it: the product is exact in double; the sum is rounded there to
  // odd (Boldo and Melquiond, IEEE Transactions on Computers 57(4), 2008: rounding that to float32, which
  // has at least two bits less, is rounding the exact sum).
  static V fma(const V& a, const V& b, const V& c) {
    V v;
    for (int i = 0; i < 4; ++i) {
#ifdef __FP_FAST_FMAF
      for (int j = 0; j < 4; ++j) v.part[i][j] = __builtin_fmaf(a.part[i][j], b.part[i][j], c.part[i][j]);
#else
      for (int j = 0; j < 4; j += 2) {
        const D2 sum = odd_sum(doubles(a.part[i], j) * doubles(b.part[i], j), doubles(c.part[i], j));
        v.part[i][j] = static_cast<float>(sum[0]);
        v.part[i][j + 1] = static_cast<float>(sum[1]);
      }
#endif
    }
    return v;
  }
  static D2 doubles(const F4& a, int first) {
    return D2{a[first], a[first + 1]};
  }
  // x + y, rounded to the odd one of its neighbours where it is not exact.
  static D2 odd_sum(const D2& x, const D2& y) {
    const D2 sum = x + y, part = sum - x;
    const D2 error = (x - (sum - part)) + (y - part);  // Knuth's: sum + error is exact; a NaN where the sum is infinite
    const W2 bits = reinterpret_cast<const W2&>(sum), error_bits = reinterpret_cast<const W2&>(error);
    const auto inexact = (error < 0.0) | (error > 0.0);
    const W2 moves = reinterpret_cast<const W2&>(inexact) & ~bits & 1;
    const W2 inward = (bits ^ error_bits) >> 63;  // the exact sum is nearer to zero
    const W2 odd = bits + moves - 2 * (moves & inward);
    return reinterpret_cast<const D2&>(odd);
  }
  // As minps and maxps: the second operand when they are equal or one is a NaN.
  static V min(const V& a, const V& b) {
    return each([&](int i) { return a.part[i] < b.part[i] ? a.part[i] : b.part[i]; });
  }
  static V max(const V& a, const V& b) {
    return each([&](int i) { return a.part[i] > b.part[i] ? a.part[i] : b.part[i]; });
  }
  // To the nearest whole number, ties to even. Numbers of 2^23 and up are whole already.
  static V round(const V& a) {
    return each([&](int i) {
      const U4 sign = reinterpret_cast<const U4&>(a.part[i]) & 0x80000000u;
      const U4 size = reinterpret_cast<const U4&>(a.part[i]) & 0x7fffffffu;
      const F4 magnitude = reinterpret_cast<const F4&>(size);
      const F4 rounded = (magnitude + 0x1p23f) - 0x1p23f;
      const F4 whole = magnitude < 0x1p23f ? rounded : magnitude;
      const U4 bits = reinterpret_cast<const U4&>(whole) | sign;
      const F4 result = reinterpret_cast<const F4&>(bits);
      return a.part[i] == a.part[i] ? result : a.part[i];
    });
  }
  // Lanes below `count` of a, the others of b.
  static V first_of(const V& a, const V& b, std::int64_t count) {
    V v = b;
    __builtin_memcpy(&v, &a, static_cast<std::size_t>(count) * sizeof(float));
    return v;
  }
  // Where a < b: yes, else no (also where a NaN is involved).
  static V where_less(const V& a, const V& b, const V& yes, const V& no) {
    return each([&](int i) { return a.part[i] < b.part[i] ? yes.part[i] : no.part[i]; });
  }

  static U words(const std::uint32_t* from) {
    U u;
    __builtin_memcpy(&u, from, sizeof u);
    return u;
  }
  static V load_bf16(const std::uint16_t* from) {
    std::uint32_t wide[16];
    for (int i = 0; i < 16; ++i) wide[i] = static_cast<std::uint32_t>(from[i]) << 16;
    V v;
    __builtin_memcpy(&v, wide, sizeof v);
    return v;
  }
  static V load_u8(const std::uint8_t* from) {
    float wide[16];
    for (int i = 0; i < 16; ++i) wide[i] = static_cast<float>(from[i]);
    return load(wide);
  }
  static U set_word(std::uint32_t a) {
    const U4 four = {a, a, a, a};
    return {{four, four, four, four}};
  }
  static U shift_right(const U& a, int count) {
    U u;
    for (int i = 0; i < 4; ++i) u.part[i] = a.part[i] >> count;
    return u;
  }
  static U shift_left(const U& a, int count) {
    U u;
    for (int i = 0; i < 4; ++i) u.part[i] = a.part[i] << count;
    return u;
  }
  static U either(const U& a, const U& b) {
    U u;
    for (int i = 0; i < 4; ++i) u.part[i] = a.part[i] | b.part[i];
    return u;
  }
  // (a & mask) | bits
  static U masked_with(const U& a, const U& mask, const U& bits) {
    U u;
    for (int i = 0; i < 4; ++i) u.part[i] = (a.part[i] & mask.part[i]) | bits.part[i];
    return u;
  }
  static U add_words(const U& a, const U& b) {
    U u;
    for (int i = 0; i < 4; ++i) u.part[i] = a.part[i] + b.part[i];
    return u;
  }
  static V as_floats(const U& a) {
    V v;
    __builtin_memcpy(&v, &a, sizeof v);
    return v;
  }
  static U as_words(const V& a) {
    U u;
    __builtin_memcpy(&u, &a, sizeof u);
    return u;
  }
};

#elif !defined(__AVX512F__)

struct Avx2Lanes {
  struct V {
    __m256 low, high;
  };
  struct U {
    __m256i low, high;
  };
  static constexpr int kTileRows = 6;
  static constexpr int kTilePanels = 1;

  static V set(float a) { return {_mm256_set1_ps(a), _mm256_set1_ps(a)}; }
  static V zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static V load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static void store(float* to, V v) {
    _mm256_storeu_ps(to, v.low);
    _mm256_storeu_ps(to + 8, v.high);
  }
  static U first_lanes(std::int64_t count) {
    const __m256i limit = _mm256_set1_epi32(static_cast<int>(count));
    return {_mm256_cmpgt_epi32(limit, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
            _mm256_cmpgt_epi32(limit, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15))};
  }
  // Masked stores are slow on some machines.
  static V load_first(const float* from, std::int64_t count) {
    if (count == 16) return load(from);
    const U mask = first_lanes(count);
    return {_mm256_maskload_ps(from, mask.low), _mm256_maskload_ps(from + 8, mask.high)};
  }
  static void store_first(float* to, V v, std::int64_t count) {
    if (count == 16) return store(to, v);
    const U mask = first_lanes(count);
    _mm256_maskstore_ps(to, mask.low, v.low);
    _mm256_maskstore_ps(to + 8, mask.high, v.high);
  }
  static V add(V a, V b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static V sub(V a, V b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  static V mul(V a, V b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static V div(V a, V b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
  static V fma(V a, V b, V c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static V min(V a, V b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
  static V max(V a, V b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
  static V round(V a) {
    constexpr int kMode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(a.low, kMode), _mm256_round_ps(a.high, kMode)};
  }
  static V first_of(V a, V b, std::int64_t count) {
    const U mask = first_lanes(count);
    return {_mm256_blendv_ps(b.low, a.low, _mm256_castsi256_ps(mask.low)),
            _mm256_blendv_ps(b.high, a.high, _mm256_castsi256_ps(mask.high))};
  }
  static V where_less(V a, V b, V yes, V no) {
    return {_mm256_blendv_ps(no.low, yes.low, _mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ)),
            _mm256_blendv_ps(no.high, yes.high, _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ))};
  }

  static __m256i load_half(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
  static U words(const std::uint32_t* from) { return {load_half(from), load_half(from + 8)}; }
  static V load_bf16(const std::uint16_t* from) {
    const __m256i low = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    const __m256i high = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 8)));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(low, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(high, 16))};
  }
  static V load_u8(const std::uint8_t* from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)),
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)))};
  }
  static U set_word(std::uint32_t a) {
    const __m256i v = _mm256_set1_epi32(static_cast<int>(a));
    return {v, v};
  }
  static U shift_right(U a, int count) { return {_mm256_srli_epi32(a.low, count), _mm256_srli_epi32(a.high, count)}; }
  static U shift_left(U a, int count) { return {_mm256_slli_epi32(a.low, count), _mm256_slli_epi32(a.high, count)}; }
  static U either(U a, U b) { return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)}; }
  static U masked_with(U a, U mask, U bits) {
    return {_mm256_or_si256(_mm256_and_si256(a.low, mask.low), bits.low),
            _mm256_or_si256(_mm256_and_si256(a.high, mask.high), bits.high)};
  }
  static U add_words(U a, U b) { return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)}; }
  static V as_floats(U a) { return {_mm256_castsi256_ps(a.low), _mm256_castsi256_ps(a.high)}; }
  static U as_words(V a) { return {_mm256_castps_si256(a.low), _mm256_castps_si256(a.high)}; }
};

#else

struct Avx512Lanes {
  using V = __m512;
  using U = __m512i;
  static constexpr int kTileRows = 12;
  static constexpr int kTilePanels = 2;

  static V set(float a) { return _mm512_set1_ps(a); }
  static V zero() { return _mm512_setzero_ps(); }
  static V load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, V v) { _mm512_storeu_ps(to, v); }
  static __mmask16 first_lanes(std::int64_t count) { return static_cast<__mmask16>((1u << count) - 1u); }
  static V load_first(const float* from, std::int64_t count) { return _mm512_maskz_loadu_ps(first_lanes(count), from); }
  static void store_first(float* to, V v, std::int64_t count) { _mm512_mask_storeu_ps(to, first_lanes(count), v); }
  static V add(V a, V b) { return _mm512_add_ps(a, b); }
  static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static V div(V a, V b) { return _mm512_div_ps(a, b); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
  static V min(V a, V b) { return _mm512_min_ps(a, b); }
  static V max(V a, V b) { return _mm512_max_ps(a, b); }
  static V round(V a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static V first_of(V a, V b, std::int64_t count) { return _mm512_mask_blend_ps(first_lanes(count), b, a); }
  static V where_less(V a, V b, V yes, V no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
  }

  static U words(const std::uint32_t* from) { return _mm512_loadu_si512(from); }
  static V load_bf16(const std::uint16_t* from) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  }
  static V load_u8(const std::uint8_t* from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  }
  static U set_word(std::uint32_t a) { return _mm512_set1_epi32(static_cast<int>(a)); }
#if QREASON_CONSTANT_SHIFTS
  static U shift_right(U a, int count) {
    return _mm512_srli_epi32(a, static_cast<unsigned>(count));
  }
  static U shift_left(U a, int count) {
    return _mm512_slli_epi32(a, static_cast<unsigned>(count));
  }
#else
  static U shift_right(U a, int count) {
    return _mm512_srl_epi32(a, _mm_cvtsi32_si128(count));
  }
  static U shift_left(U a, int count) {
    return _mm512_sll_epi32(a, _mm_cvtsi32_si128(count));
  }
#endif
  static U either(U a, U b) {
    return _mm512_or_si512(a, b);
  }
  static U masked_with(U a, U mask, U bits) {
    constexpr int kAndOr = 0xEA;  // (a & mask) | bits as a truth table
    return _mm512_ternarylogic_epi32(a, mask, bits, kAndOr);
  }
  static U add_words(U a, U b) {
    return _mm512_add_epi32(a, b);
  }
  static V as_floats(U a) {
    return _mm512_castsi512_ps(a);
  }
  static U as_words(V a) {
    return _mm512_castps_si512(a);
  }
};

#endif

// How many 16-lane panels a tile of `rows` rows takes side by side: enough chains of multiply-adds to hide their
// latency, no more than fit in the registers.
template <class L>
constexpr int panels_beside(int rows) {
  const int sums = L::kTileRows * L::kTilePanels;
  return rows * 4 <= sums ? 4 : rows * 2 <= sums ? 2 : 1;
}

// Sum and maximum of the lanes in one fixed tree.
template <class L>
inline float sum_lanes(typename L::V v) {
  float t[16];
  L::store(t, v);
  for (int width = 8; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) t[i] = t[i] + t[i + width];
  }
  return t[0];
}

template <class L>
inline float max_lanes(typename L::V v) {
  float t[16];
  L::store(t, v);
  for (int width = 8; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) t[i] = t[i] > t[i + width] ? t[i] : t[i + width];
  }
  return t[0];
}

}  // namespace
}  // namespace qreason
