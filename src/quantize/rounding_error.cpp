#include "quantize/rounding_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "kernels/matmul.h"

namespace qreason {
namespace {

constexpr std::int64_t kColumns = 128;  // of W F at a time

// The weights in rounding order, dead columns 0.
std::vector<float> in_rounding_order(std::span<const float> weights, std::int64_t rows, const GptqFactor& factor,
                                     Executor& executor) {
  const std::int64_t columns = factor.columns;
  std::vector<float> ordered(weights.size());
  executor.run(rows, [&](std::int64_t row) {
    for (std::int64_t i = 0; i < columns; ++i) {
      const std::int64_t column = factor.order[i];
      ordered[row * columns + i] = factor.dead[column] ? 0.0f : weights[row * columns + column];
    }
  });
  return ordered;
}

// F [count, count] from (begin, begin) on, its rows kColumns apart, with its ones and noughts.
std::vector<float> diagonal_block(const GptqFactor& factor, std::int64_t begin, std::int64_t count) {
  std::vector<float> block(static_cast<std::size_t>(kColumns * kColumns), 0.0f);
  for (std::int64_t i = 0; i < count; ++i) {
    block[i * kColumns + i] = 1.0f;
    const float* row = factor.feedback.data() + (begin + i) * factor.columns + begin;
    for (std::int64_t j = i + 1; j < count; ++j) block[i * kColumns + j] = row[j];
  }
  return block;
}

}  // namespace

double relative_weight_error(std::span<const float> weights, const QuantizedMatrix& matrix, Executor& executor) {
  if (static_cast<std::int64_t>(weights.size()) != matrix.rows * matrix.columns) {
    throw Error("rounding error", fmt::format("{} weights", weights.size()),
                fmt::format("{} rows of {}", matrix.rows, matrix.columns));
  }
  std::vector<double> errors(static_cast<std::size_t>(matrix.rows)), energies(errors.size());
  executor.run(matrix.rows, [&](std::int64_t row) {
    std::vector<float> rounded(static_cast<std::size_t>(matrix.columns));
    dequantize_row(matrix, row, rounded);
    for (std::int64_t j = 0; j < matrix.columns; ++j) {
      const double w = weights[row * matrix.columns + j], difference = w - rounded[j];
      errors[row] += difference * difference;
      energies[row] += w * w;
    }
  });
  const double error = std::accumulate(errors.begin(), errors.end(), 0.0);
  const double energy = std::accumulate(energies.begin(), energies.end(), 0.0);
  if (!std::isfinite(error) || !std::isfinite(energy)) {
    throw Error("weights that are rounded", "a number that is not finite", "finite numbers");
  }
  return energy > 0 ? error / energy : 0;
}

double output_energy(std::span<const float> weights, std::int64_t rows, const GptqFactor& factor, Executor& executor) {
  const std::int64_t columns = factor.columns;
  const std::vector<float> ordered = in_rounding_order(weights, rows, factor, executor);
  std::vector<float> product(static_cast<std::size_t>(rows * kColumns));
  std::vector<double> sums(static_cast<std::size_t>(rows));
  const auto subtract = [&](std::int64_t first, const float* b, std::int64_t b_stride, std::int64_t count,
                            std::int64_t k) {
    subtract_product({.a = ordered.data() + first,
                      .a_stride = columns,
                      .b = b,
                      .b_stride = b_stride,
                      .c = product.data(),
                      .c_stride = kColumns,
                      .m = rows,
                      .n = count,
                      .k = k},
                     executor);
  };
  for (std::int64_t begin = 0; begin < columns; begin += kColumns) {
    const std::int64_t count = std::min(kColumns, columns - begin);
    std::fill(product.begin(), product.end(), 0.0f);
    if (begin > 0) subtract(0, factor.feedback.data() + begin, columns, count, begin);
    subtract(begin, diagonal_block(factor, begin, count).data(), kColumns, count, count);
    executor.run(rows, [&](std::int64_t row) {
      for (std::int64_t j = 0; j < count; ++j) {
        const double sum = product[row * kColumns + j];
        sums[row] += sum * sum * factor.pivots[begin + j];
      }
    });
  }
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace qreason
