#include "quantize/hessian.h"

#include <fmt/format.h>

#include "base/error.h"
#include "kernels/matmul.h"

namespace qreason {

Hessian::Hessian(std::int64_t columns, std::int64_t sequences) : columns_(columns) {
  if (columns <= 0 || sequences <= 0) {
    throw Error("Hessian", fmt::format("{} columns and {} sequences", columns, sequences), "at least one of each");
  }
  weight_ = static_cast<float>(2.0 / static_cast<double>(sequences));
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

}  // namespace qreason
