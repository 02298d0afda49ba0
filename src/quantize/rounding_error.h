// How far a quantized matrix is from what it was made of.
#pragma once

#include <span>

#include "formats/quantized_matrix.h"
#include "kernels/executor.h"
#include "quantize/gptq_factor.h"

namespace qreason {

// |W - Q|^2 / |W|^2, weights W [rows, columns] of the matrix; in double, row by row. 0 where W is 0.
// Weights that are no finite numbers are an Error.
double relative_weight_error(std::span<const float> weights, const QuantizedMatrix& matrix, Executor& executor);

// tr(W H W^T) = sum over rows and columns of (W F)_j^2 R_jj^2, H = R R^T being the damped Hessian of the factor: twice
// what GPTQ's loss would be if everything were rounded to 0. Weights [rows, factor.columns] as stored; dead columns
// count as 0.
double output_energy(std::span<const float> weights, std::int64_t rows, const GptqFactor& factor, Executor& executor);

}  // namespace qreason
