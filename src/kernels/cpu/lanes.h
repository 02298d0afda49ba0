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
#else
#include "kernels/cpu/generic_lanes.h"
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

#if defined(__AVX2__)

// Which bytes of sixteen hold the code of each lane, as a byte shuffle takes them (0x80: a zero), and how far it is
// shifted there.
template <int Bits>
struct PackedLanes {
  alignas(64) std::uint8_t bytes[64] = {};
  alignas(64) std::uint32_t shifts[16] = {};

  constexpr PackedLanes() {
    for (int lane = 0; lane < 16; ++lane) {
      const int byte = lane * Bits / 8;
      bytes[4 * lane] = static_cast<std::uint8_t>(byte);
      bytes[4 * lane + 1] = static_cast<std::uint8_t>(byte < 15 ? byte + 1 : 0x80);
      bytes[4 * lane + 2] = bytes[4 * lane + 3] = 0x80;
      shifts[lane] = static_cast<std::uint32_t>(lane * Bits % 8);
    }
  }
};

#if !defined(__AVX512F__)

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
  static U bytes(const std::uint8_t* from) {
    const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return {_mm256_cvtepu8_epi32(sixteen), _mm256_cvtepu8_epi32(_mm_srli_si128(sixteen, 8))};
  }
  template <int Bits>
  static U packed_codes(const std::uint8_t* from) {
    static constexpr PackedLanes<Bits> kLanes;
    const __m256i twice = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    const __m256i low = _mm256_shuffle_epi8(twice, load_half(kLanes.bytes));
    const __m256i high = _mm256_shuffle_epi8(twice, load_half(kLanes.bytes + 32));
    return {_mm256_srlv_epi32(low, load_half(kLanes.shifts)), _mm256_srlv_epi32(high, load_half(kLanes.shifts + 8))};
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
  static U bytes(const std::uint8_t* from) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  template <int Bits>
  static U packed_codes(const std::uint8_t* from) {
    static constexpr PackedLanes<Bits> kLanes;
    const __m512i four = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    return _mm512_srlv_epi32(_mm512_shuffle_epi8(four, _mm512_loadu_si512(kLanes.bytes)), words(kLanes.shifts));
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
