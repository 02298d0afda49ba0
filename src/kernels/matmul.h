// Matrix products. Float32 accumulation; every output is summed over its columns in one fixed order (fused
// multiply-add, column by column inside blocks of kColumnBlock, blocks added in order), so that a row's result is bit
// for bit the same alone and in any batch, with any number of threads, and on AVX2 and AVX-512 alike. (The generic
// kernels multiply and add without fusing; they agree to rounding.) That is the class of arithmetic `portable`; what
// `fast` computes is in kernels/fast_cpu_backend.h, with the same promises.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/executor.h"
#include "kernels/packed_matrix.h"

namespace qreason {

inline constexpr std::int64_t kColumnBlock = 256;

enum class MatmulStore { kOverwrite, kAdd };

// y[r, n] = (kAdd: y +) sum_k x[r, k] W[n, k] + bias[n]
struct MatmulArguments {
  const float* x = nullptr;  // [rows, x_stride], the first w.columns() of a row are used
  std::int64_t rows = 0;
  std::int64_t x_stride = 0;
  const float* bias = nullptr;  // [w.rows()] or null
  float* y = nullptr;           // [rows, y_stride]
  std::int64_t y_stride = 0;
  MatmulStore store = MatmulStore::kOverwrite;
};
void matmul(const PackedMatrix& w, const MatmulArguments& arguments, Executor& executor);

// Several weights that share their input (q, k, v; gate, up) in one parallel region: y of the i-th has its own
// argument.
inline constexpr std::size_t kMostTargets = 8;
struct MatmulTarget {
  const PackedMatrix* w = nullptr;
  const float* bias = nullptr;
  float* y = nullptr;
  std::int64_t y_stride = 0;
  MatmulStore store = MatmulStore::kOverwrite;
};
struct MatmulInput {
  const float* x = nullptr;  // [rows, x_stride]
  std::int64_t rows = 0;
  std::int64_t x_stride = 0;
};
void matmul_shared(std::span<const MatmulTarget> targets, const MatmulInput& input, Executor& executor);

// out[i, :] = the values of row rows[i] of w in float32, exactly; out [rows, w.columns()].
void gather_rows(const PackedMatrix& w, std::span<const std::int32_t> rows, float* out, Executor& executor);

// Dense row-major products for statistics and solvers, in the host's memory whatever the backend; same promises about
// order and threads.
// gram: h[i, j] += alpha * sum_r x[r, i] x[r, j] for i <= j (upper triangle), x [rows, n], h [n, n].
void accumulate_gram(const float* x, std::int64_t rows, std::int64_t n, float alpha, float* h, Executor& executor);

// c[i, j] = (kAdd: c +) sum_k a[i, k] b[k, j]; an operand that is transposed is stored with its columns as rows.
enum class Operand { kAsItIs, kTransposed };
struct DenseProduct {
  const float* a = nullptr;
  std::int64_t a_stride = 0;
  Operand a_stored = Operand::kAsItIs;
  const float* b = nullptr;
  std::int64_t b_stride = 0;
  Operand b_stored = Operand::kAsItIs;
  float* c = nullptr;
  std::int64_t c_stride = 0;
  std::int64_t m = 0, n = 0, k = 0;
  MatmulStore store = MatmulStore::kOverwrite;
};
void dense_product(const DenseProduct& product, Executor& executor);

// c[i, j] -= sum_k a[i, k] b[k, j]; row-major with the given strides.
struct SubtractProduct {
  const float* a = nullptr;
  std::int64_t a_stride = 0;
  const float* b = nullptr;
  std::int64_t b_stride = 0;
  float* c = nullptr;
  std::int64_t c_stride = 0;
  std::int64_t m = 0, n = 0, k = 0;
};
void subtract_product(const SubtractProduct& product, Executor& executor);

}  // namespace qreason
