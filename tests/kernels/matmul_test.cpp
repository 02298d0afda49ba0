// Expected numbers: the sum of products in double precision, with the bound of Higham, Accuracy and Stability of
// Numerical Algorithms, section 3.1: |computed - exact| <= n eps / (1 - n eps) * sum |x_k w_k| for any order of
// summation.
#include "kernels/matmul.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "base/error.h"
#include "kernels/backend.h"
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

std::vector<float> run(const PackedMatrix& w, const std::vector<float>& x, std::int64_t rows, Executor& executor) {
  std::vector<float> y(static_cast<std::size_t>(rows * w.rows()), -77.0f);
  matmul(w, {.x = x.data(), .rows = rows, .x_stride = w.columns(), .y = y.data(), .y_stride = w.rows()}, executor);
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
  on_every_isa([](Executor& executor) {
    for (const std::int64_t rows : {1, 2, 3, 4, 5, 7, 12, 13, 16, 33}) {
      for (const std::int64_t outputs : {1, 17, 96, 150}) {
        for (const std::int64_t columns : {1, 255, 256, 257, 576, 896}) {
          const Product p = random_product(rows, outputs, columns);
          expect_product(p, p.w, run(PackedMatrix::from_float32(p.w, outputs, columns), p.x, rows, executor));
          const auto patterns = bfloat16_of(p.w);
          expect_product(p, floats_of(patterns),
                         run(PackedMatrix::from_bfloat16(patterns, outputs, columns), p.x, rows, executor));
        }
      }
    }
  });
}

TEST(Matmul, AddsToTheResultAndAddsTheBias) {
  on_every_isa([](Executor& executor) {
    for (const std::int64_t rows : {1, 20}) {
      const Product p = random_product(rows, 37, 300);
      const PackedMatrix w = PackedMatrix::from_float32(p.w, 37, 300);
      const auto bias = normal_floats(37, 9), start = normal_floats(static_cast<std::size_t>(rows * 40), 10);
      const std::vector<float> plain = run(w, p.x, rows, executor);
      std::vector<float> overwritten = start, added = start;
      MatmulArguments arguments{
          .x = p.x.data(), .rows = rows, .x_stride = 300, .bias = bias.data(), .y = overwritten.data(), .y_stride = 40};
      matmul(w, arguments, executor);
      arguments.y = added.data();
      arguments.store = MatmulStore::kAdd;
      matmul(w, arguments, executor);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t n = 0; n < 40; ++n) {
          const float was = start[r * 40 + n];
          const float product = n < 37 ? plain[r * 37 + n] + bias[n] : 0.0f;
          ASSERT_EQ(overwritten[r * 40 + n], n < 37 ? product : was);
          ASSERT_EQ(added[r * 40 + n], n < 37 ? was + product : was);
        }
      }
    }
  });
}

TEST(Matmul, GivesARowTheSameBitsInEveryBatchWithAnyThreadsOnEveryIsa) {
  for (const std::int64_t columns : {64, 576, 1000}) {
    const Product p = random_product(33, 200, columns);
    std::vector<float> quantized_first, float_first;
    const PackedMatrix weights[] = {
        PackedMatrix::from_float32(p.w, 200, columns), PackedMatrix::from_bfloat16(bfloat16_of(p.w), 200, columns),
        PackedMatrix::from_quantized(round_to_nearest(p.w, 200, columns, parse_quant_format("w4g64-asym")))};
    for (const PackedMatrix& w : weights) {
      std::vector<float> first;
      for (const Isa isa : supported_isas()) {
        const ForcedIsa forced(isa);
        for (const int threads : {1, 2, 3}) {
          Executor executor(threads);
          for (const std::int64_t rows : {33, 1, 2, 3, 5, 7, 16}) {
            std::vector<float> y = run(w, p.x, rows, executor);
            if (first.empty()) first = y;
            EXPECT_TRUE(bits_equal(y, std::span<const float>(first).first(y.size())))
                << host_backend().explain(w, rows) << ", " << threads << " threads";
          }
        }
      }
    }
  }
}

TEST(Matmul, WorksThroughMoreRowsThanOneChunk) {
  on_every_isa([](Executor& executor) {
    const Product p = random_product(1100, 33, 40);
    const PackedMatrix w = PackedMatrix::from_float32(p.w, 33, 40);
    expect_product(p, p.w, run(w, p.x, 1100, executor));
  });
}

TEST(MatmulShared, EqualsTheProductsOneByOne) {
  on_every_isa([](Executor& executor) {
    for (const std::int64_t rows : {1, 3, 19}) {
      const Product q = random_product(rows, 576, 576), k = random_product(rows, 192, 576),
                    v = random_product(rows, 17, 576);
      const PackedMatrix weights[] = {
          PackedMatrix::from_bfloat16(bfloat16_of(q.w), 576, 576), PackedMatrix::from_float32(k.w, 192, 576),
          PackedMatrix::from_quantized(round_to_nearest(v.w, 17, 576, parse_quant_format("w8c-sym")))};
      std::vector<std::vector<float>> y;
      std::vector<MatmulTarget> targets;
      for (const PackedMatrix& w : weights) y.emplace_back(static_cast<std::size_t>(rows * w.rows()));
      for (int i = 0; i < 3; ++i)
        targets.push_back({.w = &weights[i], .y = y[i].data(), .y_stride = weights[i].rows()});
      matmul_shared(targets, {.x = q.x.data(), .rows = rows, .x_stride = 576}, executor);
      for (int i = 0; i < 3; ++i) EXPECT_TRUE(bits_equal(y[i], run(weights[i], q.x, rows, executor)));
    }
  });
}

TEST(Matmul, RefusesWeightsThatDoNotFitTogether) {
  Executor executor(1);
  const std::vector<float> values(64, 1.0f);
  const PackedMatrix wide = PackedMatrix::from_float32(values, 1, 64),
                     narrow = PackedMatrix::from_float32(values, 2, 32);
  std::vector<float> y(4);
  const MatmulTarget targets[] = {{.w = &wide, .y = y.data(), .y_stride = 1},
                                  {.w = &narrow, .y = y.data(), .y_stride = 2}};
  EXPECT_THROW(matmul_shared(targets, {.x = values.data(), .rows = 1, .x_stride = 64}, executor), Error);
  EXPECT_THROW(matmul(PackedMatrix(), {.x = values.data(), .rows = 1, .y = y.data()}, executor), Error);
  EXPECT_THROW(PackedMatrix::from_float32(values, 3, 32), Error);
}

}  // namespace
}  // namespace qreason::testing
