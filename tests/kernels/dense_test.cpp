// Expected numbers: the sums in double, with Higham's bound (see matmul_test.cpp).
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/kernel_fixtures.h"
#include "kernels/matmul.h"
#include "support/closeness.h"

namespace qreason::testing {
namespace {

TEST(AccumulateGram, AddsTheUpperTriangleAndLeavesTheLower) {
  on_every_isa([](Executor& executor) {
    for (const std::int64_t n : {1, 15, 16, 65, 130, 300}) {
      for (const std::int64_t rows : {1, 40, 257, 1030}) {
        if (n > 100 && rows > 500) continue;
        const auto x = normal_floats(static_cast<std::size_t>(rows * n), 1);
        const auto start = normal_floats(static_cast<std::size_t>(n * n), 2);
        auto h = start;
        accumulate_gram(x.data(), rows, n, 0.375f, h.data(), executor);
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            if (j < i) {
              ASSERT_EQ(h[i * n + j], start[i * n + j]);
              continue;
            }
            double sum = 0, magnitude = 0;
            for (std::int64_t r = 0; r < rows; ++r) {
              const double term = 0.375 * x[r * n + i] * x[r * n + j];
              sum += term;
              magnitude += std::abs(term);
            }
            const double bound = (static_cast<double>(rows + 3) * magnitude + 2 * std::abs(start[i * n + j])) * 0x1p-24;
            ASSERT_NEAR(h[i * n + j], sum + start[i * n + j], bound)
                << i << ", " << j << " of " << n << ", " << rows << " rows";
          }
        }
      }
    }
  });
}

// Bigger than one task in each direction, so that sides of the triangle meet tasks of all kinds.
TEST(AccumulateGram, IsExactOnSmallWholeNumbersOfAnySize) {
  on_every_isa([](Executor& executor) {
    const std::int64_t n = 700, rows = 20;
    std::vector<float> x(static_cast<std::size_t>(rows * n));
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>(static_cast<int>(i * 2654435761u >> 20 & 7) - 3);
    std::vector<float> h(static_cast<std::size_t>(n * n), 1.0f);
    accumulate_gram(x.data(), rows, n, 2.0f, h.data(), executor);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        float want = 0;
        for (std::int64_t r = 0; r < rows && j >= i; ++r) want += x[r * n + i] * x[r * n + j];
        ASSERT_EQ(h[i * n + j], 1 + 2 * want) << i << ", " << j;
      }
    }
  });
}

SubtractProduct strided(std::int64_t m, std::int64_t n, std::int64_t k) {
  return {.a_stride = k + 3, .b_stride = n + 5, .c_stride = n + 2, .m = m, .n = n, .k = k};
}

TEST(DenseProduct, TakesOperandsAsTheyAreAndTransposed) {
  struct Shape {
    std::int64_t m, n, k;
  };
  on_every_isa([](Executor& executor) {
    for (const Shape shape : {Shape{1, 1, 1}, {7, 33, 20}, {32, 48, 32}, {70, 17, 300}, {13, 40, 1100}, {5, 6, 0}}) {
      const auto [m, n, k] = shape;
      for (const Operand a_stored : {Operand::kAsItIs, Operand::kTransposed}) {
        for (const Operand b_stored : {Operand::kAsItIs, Operand::kTransposed}) {
          const std::int64_t a_stride = (a_stored == Operand::kAsItIs ? k : m) + 3;
          const std::int64_t b_stride = (b_stored == Operand::kAsItIs ? n : k) + 5;
          const auto a = normal_floats(static_cast<std::size_t>(std::max(m, k) * a_stride), 1);
          const auto b = normal_floats(static_cast<std::size_t>(std::max(n, k) * b_stride), 2);
          for (const MatmulStore store : {MatmulStore::kOverwrite, MatmulStore::kAdd}) {
            std::vector<float> c(static_cast<std::size_t>(m * (n + 1)), 0.5f);
            dense_product({.a = a.data(),
                           .a_stride = a_stride,
                           .a_stored = a_stored,
                           .b = b.data(),
                           .b_stride = b_stride,
                           .b_stored = b_stored,
                           .c = c.data(),
                           .c_stride = n + 1,
                           .m = m,
                           .n = n,
                           .k = k,
                           .store = store},
                          executor);
            for (std::int64_t i = 0; i < m; ++i) {
              for (std::int64_t j = 0; j < n; ++j) {
                double sum = store == MatmulStore::kAdd ? 0.5 : 0, magnitude = 1;
                for (std::int64_t t = 0; t < k; ++t) {
                  const double left = a_stored == Operand::kAsItIs ? a[i * a_stride + t] : a[t * a_stride + i];
                  const double right = b_stored == Operand::kAsItIs ? b[t * b_stride + j] : b[j * b_stride + t];
                  sum += left * right;
                  magnitude += std::abs(left * right);
                }
                ASSERT_NEAR(c[i * (n + 1) + j], sum, static_cast<double>(k + 3) * magnitude * 0x1p-24)
                    << i << ", " << j << " of " << m << " x " << n << " x " << k;
              }
              ASSERT_EQ(c[i * (n + 1) + n], 0.5f) << "behind the row";
            }
          }
        }
      }
    }
  });
}

TEST(SubtractProduct, AgreesWithTheSumInDouble) {
  on_every_isa([](Executor& executor) {
    const std::int64_t sizes[][3] = {{1, 1, 1},      {5, 17, 128},  {13, 200, 128},
                                     {250, 70, 300}, {3, 20, 1100}, {40, 33, 0}};
    for (const auto& [m, n, k] : sizes) {
      SubtractProduct s = strided(m, n, k);
      const auto a = normal_floats(static_cast<std::size_t>(m * s.a_stride), 1);
      const auto b = normal_floats(static_cast<std::size_t>(k * s.b_stride + 1), 2);
      const auto start = normal_floats(static_cast<std::size_t>(m * s.c_stride), 3);
      auto c = start;
      s.a = a.data();
      s.b = b.data();
      s.c = c.data();
      subtract_product(s, executor);
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < s.c_stride; ++j) {
          const float was = start[i * s.c_stride + j];
          double sum = 0, magnitude = 0;
          for (std::int64_t r = 0; r < k && j < n; ++r) {
            const double term = static_cast<double>(a[i * s.a_stride + r]) * b[r * s.b_stride + j];
            sum += term;
            magnitude += std::abs(term);
          }
          const double bound =
              magnitude == 0 ? 0 : (static_cast<double>(k + 3) * magnitude + 2 * std::abs(was)) * 0x1p-24;
          ASSERT_NEAR(c[i * s.c_stride + j], was - sum, bound) << i << ", " << j;
        }
      }
    }
  });
}

TEST(DenseProducts, GiveTheSameBitsWithAnyThreadsAndOnEveryIsa) {
  const std::int64_t n = 333, rows = 600;
  const auto x = normal_floats(static_cast<std::size_t>(rows * n), 4);
  std::vector<float> first_h, first_c;
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    for (const int threads : {1, 2, 3}) {
      Executor executor(threads);
      std::vector<float> h(static_cast<std::size_t>(n * n), 0.5f), c(static_cast<std::size_t>(rows * n), 0.25f);
      accumulate_gram(x.data(), rows, n, 0.1f, h.data(), executor);
      subtract_product({.a = x.data(),
                        .a_stride = n,
                        .b = x.data(),
                        .b_stride = n,
                        .c = c.data(),
                        .c_stride = n,
                        .m = rows,
                        .n = n,
                        .k = n},
                       executor);
      if (first_h.empty()) first_h = h, first_c = c;
      EXPECT_TRUE(bits_equal(h, first_h)) << name_of(isa) << ", " << threads << " threads";
      EXPECT_TRUE(bits_equal(c, first_c)) << name_of(isa) << ", " << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace qreason::testing
