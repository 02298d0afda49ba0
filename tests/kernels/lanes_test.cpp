// The lanes of machines without wide instructions, against the C library's fma.
#include "kernels/cpu/lanes.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

namespace qreason::testing {
namespace {

#if !defined(__AVX2__)

struct Operands {
  float a[16], b[16], c[16];
};

float whole(std::mt19937_64& random, int bits, int exponent) {
  const auto value = static_cast<std::int64_t>(random() >> (63 - bits)) - (std::int64_t{1} << bits);
  return std::ldexp(static_cast<float>(value), exponent);
}

// Where a second rounding would show: any bits at all, products that all but cancel, addends far below or above the
// product whose half of a last place lies between two floats, results below the normal numbers.
Operands hard_operands(std::mt19937_64& random, int kind) {
  Operands o;
  for (int i = 0; i < 16; ++i) {
    const int spread = static_cast<int>(random() % 60) - 30;
    o.a[i] = kind == 0 ? std::bit_cast<float>(static_cast<std::uint32_t>(random())) : whole(random, 23, -12);
    o.b[i] = kind == 0 ? std::bit_cast<float>(static_cast<std::uint32_t>(random())) : whole(random, 23, -12);
    o.c[i] = kind == 0 ? std::bit_cast<float>(static_cast<std::uint32_t>(random())) : -o.a[i] * o.b[i];
    if (kind == 2) {
      o.a[i] = 1.0f + static_cast<float>(random() % 8) * 0x1p-23f;
      o.b[i] = std::ldexp(1.0f + static_cast<float>(random() % 8) * 0x1p-23f, spread);
      o.c[i] = whole(random, 23, static_cast<int>(random() % 100) - 50);
    }
    if (kind == 3) {
      o.a[i] = std::ldexp(1.0f + static_cast<float>(random() >> 41) * 0x1p-23f, -70);
      o.b[i] = std::ldexp(1.0f + static_cast<float>(random() >> 41) * 0x1p-23f, spread - 70);
      o.c[i] = whole(random, 3, -149);
    }
  }
  return o;
}

TEST(GenericLanes, FuseMultiplyAndAdd) {
  std::mt19937_64 random(3);
  for (int n = 0; n < 40000; ++n) {
    const Operands o = hard_operands(random, n % 4);
    float got[16];
    GenericLanes::store(got,
                        GenericLanes::fma(GenericLanes::load(o.a), GenericLanes::load(o.b), GenericLanes::load(o.c)));
    for (int i = 0; i < 16; ++i) {
      const float want = std::fma(o.a[i], o.b[i], o.c[i]);
      if (std::isnan(want)) {
        ASSERT_TRUE(std::isnan(got[i])) << o.a[i] << " * " << o.b[i] << " + " << o.c[i];
        continue;
      }
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(want))
          << o.a[i] << " * " << o.b[i] << " + " << o.c[i];
    }
  }
}

#endif

}  // namespace
}  // namespace qreason::testing
