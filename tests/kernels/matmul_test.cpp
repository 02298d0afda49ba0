// Expected numbers: the sum of products in double precision, with the bound of Higham, Accuracy and Stability of
// Numerical Algorithms, section 3.1: |computed - exact| <= n eps / (1 - n eps) * sum |x_k w_k| for any order of
// summation.
#include "kernels/matmul.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "base/error.h"
#include "kernels/kernel_fixtures.h"
#include "support/closeness.h"

namespace qreason::testing {
namespace {

constexpr double kEpsilon = 0x1p-24;

std::vector<std::uint16_t> bfloat16_of(const std::vector<float>& values) {
  std::vector<std::uint16_t> patterns;
  for (const float value : values)
    patterns.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
  return patterns;
}

std::vector<float> floats_of(const std::vector<std::uint16_t>& patterns) {
  std::vector<float> values;
  for (const std::uint16_t p : patterns) values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(p) << 16));
  return values;
}

struct Product {
  std::int64_t rows, outputs, columns;
  std::vector<float> x, w;
};

Product random_product(std::int64_t rows, std::int64_t outputs, std::int64_t columns) {
  const auto seed = static_cast<std::uint32_t>(rows * 7919 + outputs * 104729 + columns);
  return {.rows = rows,
          .outputs = outputs,
          .columns = columns,
          .x = normal_floats(static_cast<std::size_t>(rows * columns), seed),
          .w = normal_floats(static_cast<std::size_t>(outputs * columns), seed + 1)};
}

std::vector<float> run(const PackedMatrix& w, const std::vector<float>& x, std::int64_t rows, ThreadPool& pool) {
  std::vector<float> y(static_cast<std::size_t>(rows * w.rows()), -77.0f);
  matmul(w, {.x = x.data(), .rows = rows, .x_stride = w.columns(), .y = y.data(), .y_stride = w.rows()}, pool);
  return y;
}

void expect_product(const Product& p, const std::vector<float>& w, const std::vector<float>& y) {
  for (std::int64_t r = 0; r < p.rows; ++r) {
    for (std::int64_t n = 0; n < p.outputs; ++n) {
      double sum = 0, magnitude = 0;
      for (std::int64_t k = 0; k < p.columns; ++k) {
        const double term = static_cast<double>(p.x[r * p.columns + k]) * w[n * p.columns + k];
        sum += term;
        magnitude += std::abs(term);
      }
      const double bound = static_cast<double>(p.columns + 2) * kEpsilon * magnitude;
      ASSERT_LE(std::abs(y[r * p.outputs + n] - sum), bound) << "row " << r << ", output " << n;
    }
  }
}

TEST(Matmul, AgreesWithTheSumInDoubleForEveryShapeAndFloatKind) {
  on_every_isa([](ThreadPool& pool) {
    for (const std::int64_t rows : {1, 2, 3, 4, 5, 7, 12, 13, 16, 33}) {
      for (const std::int64_t outputs : {1, 17, 96, 150}) {
        for (const std::int64_t columns : {1, 255, 256, 257, 576, 896}) {
          const Product p = random_product(rows, outputs, columns);
          expect_product(p, p.w, run(PackedMatrix::from_float32(p.w, outputs, columns), p.x, rows, pool));
          const auto patterns = bfloat16_of(p.w);
          expect_product(p, floats_of(patterns),
                         run(PackedMatrix::from_bfloat16(patterns, outputs, columns), p.x, rows, pool));
        }
      }
    }
  });
}

}  // namespace
}  // namespace qreason::testing
