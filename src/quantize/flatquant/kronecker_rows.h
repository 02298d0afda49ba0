// Rows x of a matrix through a Kronecker transform, (x diag(s)) (L kron R), float32 on the processor, with the
// gradients of x, s, L and R; weights besides clipped and rounded on the way. A few rows at a time stay in the cache
// through all of it, and what the gradients need of them is computed again. The same bits with any number of threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "kernels/executor.h"

namespace qreason {

struct KroneckerFactors {
  at::Tensor scale, left, right;  // [width], [l, l], [r, r]; width = l r
};

// x [.., width], its rows contiguous; `executor` outlives the gradients.
at::Tensor kronecker_rows(const at::Tensor& x, const KroneckerFactors& factors, Executor& executor);

// weights [out, width], which have no gradient; then between the ratios [out, 1] times the ends of every row
// (learned_quantizer.h: clip_learned), then, where `highest` is given, rounded to codes up to that
// (quantize_weights).
struct RowRatios {
  at::Tensor max, min;
};
at::Tensor kronecker_weights(const at::Tensor& weights, const KroneckerFactors& factors, const RowRatios& ratios,
                             std::optional<float> highest, Executor& executor);

}  // namespace qreason
