// The Cholesky factorization that starts at the last column: A = R R^T with R upper triangular.
//
// GPTQ (Frantar et al. 2022) asks for U = upper Cholesky factor of inverse(H); with H = R R^T that is U = inverse(R).
// The usual way costs two factorizations and one inversion, this one costs one factorization.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/executor.h"

namespace qreason {

// The upper triangle of `a` [n, n] (row-major, float32) is read and overwritten with R; the strict lower triangle is
// left alone. Returns nullopt when all went well, else the column whose pivot was not a positive number (`a` is then
// partly overwritten). Block by block, the trailing sums as float32 products whose order does not depend on the
// threads.
std::optional<std::int64_t> factor_upper_cholesky(float* a, std::int64_t n, Executor& executor);

// An upper triangle in double, row after row without what lies below the diagonal: as many bytes as a whole matrix in
// float32 takes.
class UpperTriangle {
 public:
  explicit UpperTriangle(std::int64_t n) : n_(n), values_(static_cast<std::size_t>(n * (n + 1) / 2)) {}
  std::int64_t size() const { return n_; }
  // Element (i, j) is row(i)[j]; only j >= i is there.
  double* row(std::int64_t i) { return values_.data() + (i * n_ - i * (i + 1) / 2); }

 private:
  std::int64_t n_;
  std::vector<double> values_;
};

// The same in double, several times slower: where float32 loses what makes a matrix positive definite.
std::optional<std::int64_t> factor_upper_cholesky(UpperTriangle& a, Executor& executor);

}  // namespace qreason
