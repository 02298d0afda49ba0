// Sixteen lanes (lanes.h) as four plain vectors, for machines without wide instructions.
#pragma once

#include <cstdint>

namespace qreason {
namespace {

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
  static U bytes(const std::uint8_t* from) {
    std::uint32_t wide[16];
    for (int i = 0; i < 16; ++i) wide[i] = from[i];
    return words(wide);
  }
  // Words whose low bits are the sixteen codes of so many bits that begin at `from`, packed least significant bit
  // first; what stands above them is the next ones'. Reads 16 bytes.
  template <int Bits>
  static U packed_codes(const std::uint8_t* from) {
    std::uint32_t wide[16];
    for (int i = 0; i < 16; ++i) {
      const int byte = i * Bits / 8;
      wide[i] = (from[byte] | static_cast<std::uint32_t>(from[byte < 15 ? byte + 1 : byte]) << 8) >> (i * Bits % 8);
    }
    return words(wide);
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

}  // namespace
}  // namespace qreason
