#include "quantize/hessian.h"

#include <fmt/format.h>

#include <numeric>

#include "base/error.h"
#include "kernels/matmul.h"

namespace qreason {

namespace {

// 2/n.
float weight_of(std::int64_t columns, std::int64_t sequences) {
  if (columns <= 0 || sequences <= 0) {
    throw Error("Hessian", fmt::format("{} columns and {} sequences", columns, sequences), "at least one of each");
  }
  return static_cast<float>(2.0 / static_cast<double>(sequences));
}

}  // namespace

Hessian::Hessian(std::int64_t columns, std::int64_t sequences)
    : columns_(columns), weight_(weight_of(columns, sequences)) {
  upper_.assign(static_cast<std::size_t>(columns * columns), 0.0f);
}

Hessian Hessian::from_upper(std::vector<float> upper, std::int64_t columns) {
  Hessian hessian(columns, 1);
  if (upper.size() != hessian.upper_.size()) {
    throw Error("Hessian", fmt::format("{} values", upper.size()), fmt::format("{} columns squared", columns));
  }
  hessian.upper_ = std::move(upper);
  return hessian;
}

void Hessian::add(const float* x, std::int64_t rows, Executor& executor) {
  accumulate_gram(x, rows, columns_, weight_, upper_.data(), executor);
}

std::vector<float> Hessian::diagonal() const {
  std::vector<float> diagonal(static_cast<std::size_t>(columns_));
  for (std::int64_t i = 0; i < columns_; ++i) diagonal[i] = upper_[i * columns_ + i];
  return diagonal;
}

InputDrift::InputDrift(std::int64_t columns, std::int64_t sequences)
    : columns_(columns), weight_(weight_of(columns, sequences)) {
  values_.assign(static_cast<std::size_t>(columns * columns), 0.0f);
}

void InputDrift::add(const float* original, const float* x, std::int64_t rows, Executor& executor) {
  // What is taken from D is (x - x~) x^T: the left factor is laid out as the product reads it, a row a column.
  difference_.resize(static_cast<std::size_t>(columns_ * rows));
  std::vector<double> energies(static_cast<std::size_t>(columns_)), originals(energies.size());
  executor.run(columns_, [&](std::int64_t column) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const float before = original[row * columns_ + column], difference = x[row * columns_ + column] - before;
      difference_[column * rows + row] = weight_ * difference;
      energies[column] += double{difference} * difference;
      originals[column] += double{before} * before;
    }
  });
  energy_ += std::accumulate(energies.begin(), energies.end(), 0.0);
  original_energy_ += std::accumulate(originals.begin(), originals.end(), 0.0);
  subtract_product({.a = difference_.data(),
                    .a_stride = rows,
                    .b = x,
                    .b_stride = columns_,
                    .c = values_.data(),
                    .c_stride = columns_,
                    .m = columns_,
                    .n = columns_,
                    .k = rows},
                   executor);
}

}  // namespace qreason
