// What an instruction set can do with the codes of a step: four unsigned bytes of sixteen outputs and four signed ones
// of a row.
#pragma once

#include "kernels/cpu/lanes.h"

namespace qreason {
namespace {

// Sums: sixteen 32-bit words that wrap around. Row: a row's four bytes, before every output.
// kNarrowSums: sums of products are 16-bit words first (code_body.h); elsewhere add() takes a step at once.
#if defined(__AVX512VNNI__)

struct CodeDots {
  using L = Avx512Lanes;
  using Sums = __m512i;
  static Sums zero() { return _mm512_setzero_si512(); }
  static constexpr bool kNarrowSums = false;
  static constexpr int kTileRows = 14, kTilePanels = 2;
  using Row = __m512i;
  static Row row(std::uint32_t bytes) { return _mm512_set1_epi32(static_cast<int>(bytes)); }
  static Sums add(Sums sums, L::U weights, Row row) { return _mm512_dpbusd_epi32(sums, weights, row); }
  static Sums add_product(Sums sums, Sums a, std::int32_t b) {
    return _mm512_add_epi32(sums, _mm512_mullo_epi32(a, _mm512_set1_epi32(b)));
  }
  static Sums load(const std::int32_t* from) { return _mm512_loadu_si512(from); }
  static void store(std::int32_t* to, Sums sums) { _mm512_storeu_si512(to, sums); }
  static Sums of_words(L::U words) { return words; }
  static L::V floats(Sums sums) { return _mm512_cvtepi32_ps(sums); }
  // Four outputs lie in sixteen bytes: two bytes of each, then the next two of each.
  static L::U of_pairs(L::U words) {
    const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    return _mm512_shuffle_epi8(words, order);
  }
};

#elif defined(__AVX2__)

struct CodeDots {
  using L = Avx2Lanes;
  using Sums = L::U;
  static constexpr bool kNarrowSums = true;
  static constexpr int kTileRows = 6, kTilePanels = 1;
  static Sums zero() { return L::set_word(0); }
  using Row = __m256i;
  static Row row(std::uint32_t words) { return _mm256_set1_epi32(static_cast<int>(words)); }

  // Products of four bytes each as two words of 16 bits, which the caller sees to that they hold.
  static Sums narrow(const L::U& weights, const Row& row) {
    return {_mm256_maddubs_epi16(weights.low, row), _mm256_maddubs_epi16(weights.high, row)};
  }
  static Sums add_narrow(const Sums& partial, const L::U& weights, const Row& row) {
    const Sums products = narrow(weights, row);
    return {_mm256_add_epi16(partial.low, products.low), _mm256_add_epi16(partial.high, products.high)};
  }
  static Sums widen(const Sums& sums, const Sums& partial) {
    const __m256i ones = _mm256_set1_epi16(1);
    return {_mm256_add_epi32(sums.low, _mm256_madd_epi16(partial.low, ones)),
            _mm256_add_epi32(sums.high, _mm256_madd_epi16(partial.high, ones))};
  }

  // Bytes as 16-bit words: the even ones of each four, the odd ones.
  static L::U even_bytes(const L::U& words) {
    const __m256i low_bytes = _mm256_set1_epi16(0xFF);
    return {_mm256_and_si256(words.low, low_bytes), _mm256_and_si256(words.high, low_bytes)};
  }
  static L::U odd_bytes(const L::U& words) {
    return {_mm256_srli_epi16(words.low, 8), _mm256_srli_epi16(words.high, 8)};
  }
  static void spread_signed_bytes(const std::uint32_t* from, std::uint32_t* even, std::uint32_t* odd) {
    const __m256i words = L::load_half(from);
    const __m256i even_words = _mm256_srai_epi16(_mm256_slli_epi16(words, 8), 8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(even), even_words);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(odd), _mm256_srai_epi16(words, 8));
  }
  static Sums add_words(const Sums& sums, const L::U& weights, const Row& row) {
    return {_mm256_add_epi32(sums.low, _mm256_madd_epi16(weights.low, row)),
            _mm256_add_epi32(sums.high, _mm256_madd_epi16(weights.high, row))};
  }
  static Sums add_product(const Sums& sums, const Sums& a, std::int32_t b) {
    const __m256i factor = _mm256_set1_epi32(b);
    return {_mm256_add_epi32(sums.low, _mm256_mullo_epi32(a.low, factor)),
            _mm256_add_epi32(sums.high, _mm256_mullo_epi32(a.high, factor))};
  }
  static Sums load(const std::int32_t* from) { return {L::load_half(from), L::load_half(from + 8)}; }
  static void store(std::int32_t* to, const Sums& sums) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), sums.low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 8), sums.high);
  }
  static Sums of_words(const L::U& words) { return words; }
  static L::V floats(const Sums& sums) { return {_mm256_cvtepi32_ps(sums.low), _mm256_cvtepi32_ps(sums.high)}; }
  static L::U of_pairs(const L::U& words) {
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    return {_mm256_shuffle_epi8(words.low, order), _mm256_shuffle_epi8(words.high, order)};
  }
};

#else

struct CodeDots {
  using L = GenericLanes;
  using I4 [[gnu::vector_size(16)]] = std::int32_t;
  using Sums = L::U;
  static constexpr bool kNarrowSums = false;
  static constexpr int kTileRows = 4, kTilePanels = 1;
  using Row = std::uint32_t;
  static Sums zero() { return L::set_word(0); }
  static Row row(std::uint32_t bytes) { return bytes; }
  static Sums add(const Sums& sums, const L::U& weights, Row row) {
    Sums result = sums;
    for (int byte = 0; byte < 4; ++byte) {
      const auto value = static_cast<std::uint32_t>(static_cast<std::int8_t>(row >> 8 * byte));
      for (int i = 0; i < 4; ++i) result.part[i] += (weights.part[i] >> 8 * byte & 0xFFu) * value;
    }
    return result;
  }
  static Sums add_product(const Sums& sums, const Sums& a, std::int32_t b) {
    Sums result = sums;
    for (int i = 0; i < 4; ++i) result.part[i] += a.part[i] * static_cast<std::uint32_t>(b);
    return result;
  }
  static Sums load(const std::int32_t* from) {
    Sums sums;
    __builtin_memcpy(&sums, from, sizeof sums);
    return sums;
  }
  static void store(std::int32_t* to, const Sums& sums) { __builtin_memcpy(to, &sums, sizeof sums); }
  static Sums of_words(const L::U& words) { return words; }
  static L::V floats(const Sums& sums) {
    L::V v;
    for (int i = 0; i < 4; ++i) {
      v.part[i] = __builtin_convertvector(reinterpret_cast<const I4&>(sums.part[i]), L::F4);
    }
    return v;
  }
  static L::U of_pairs(const L::U& words) {
    L::U out;
    for (int i = 0; i < 4; ++i) {
      const L::U4 part = words.part[i];
      out.part[i] = L::U4{(part[0] & 0xFFFFu) | part[2] << 16, part[0] >> 16 | (part[2] & 0xFFFF0000u),
                          (part[1] & 0xFFFFu) | part[3] << 16, part[1] >> 16 | (part[3] & 0xFFFF0000u)};
    }
    return out;
  }
};

#endif

}  // namespace
}  // namespace qreason
