// The Cholesky factorization that starts at the last column: A = R R^T with R upper triangular.
//
// GPTQ (Frantar et al. 2022) asks for U = upper Cholesky factor of inverse(H); with H = R R^T that is U = inverse(R).
// The usual way costs two factorizations and one inversion, this one costs one factorization.
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/executor.h"

namespace qreason {

// The upper triangle of `a` [n, n] (row-major, float32) is read and overwritten with R; the strict lower triangle is
// left alone. Returns nullopt when all went well, else the column whose pivot was not a positive number (`a` is then
// partly overwritten). Block by block, the trailing sums as float32 products whose order does not depend on the
// threads.
std::optional<std::int64_t> factor_upper_cholesky(float* a, std::int64_t n, Executor& executor);

// The same in double, several times slower: where float32 loses what makes a matrix positive definite.
std::optional<std::int64_t> factor_upper_cholesky(double* a, std::int64_t n, Executor& executor);

}  // namespace qreason
