// Asymmetric calibration for GPTQ (GPTAQ, Li et al. 2025, arXiv 2504.02692): the rounded linear shall compute on the
// inputs X that the rounded model gives it what the float linear computes on those of the float model, X~:
//
//     min over Q of |Q X - W X~|^2 = |(Q - W) X - W dX|^2,      dX = X~ - X.
//
// The paper takes the residual W dX apart into one term a column, sum_j w_j dX_j, and lets the columns behind j make up
// for the j-th when j is rounded (sections 3.2 to 3.4): after column j the weights behind it change by
//
//     -(w'_j - q_j) / U_jj U_j,:  +  w_j P_j,:        P = ((dX X^T U^T) * M) U,
//
// U being the upper Cholesky factor of inverse(H), H = X X^T with its damping, and M the strict upper triangle. w_j is
// the original weight: the terms then add up to W dX, and the result does not depend on the blocks of columns. (The
// published program takes the updated weight inside of a block and the rounded one across blocks, and shrinks P by 4.)
//
// In the feedback form (quantize/gptq_factor.h), with H = R R^T, F = R diag(R)^-1 and D = dX X^T, this is one more
// term:
//
//     q_j = quantize(w_j + sum_{i<j} ((w_i - q_i) F_ij + w_i A_ij)),      A = (D inverse(F)^T * M) diag(R)^-2.
//
// For P = A inverse(F), and plain GPTQ on V = W + W P adds up sum_{i<j} (v_i - q_i) F_ij + v_j, where V F = W (F + A).
// The exact solution would round W (I + D inverse(H)) instead; the paper's, which lets no column make up for a later
// one, follows the calibration data less far. Dead columns count as 0, as the published program has it.
#pragma once

#include <string>

#include "kernels/executor.h"
#include "quantize/gptq_factor.h"
#include "quantize/hessian.h"

namespace qreason {

// Makes factor.drift, -A. Takes the memory of `drift`, over the same tokens as the factor's Hessian. One that is not
// finite, which tells of the float model's inputs, is an Error naming `where` and the column.
void add_drift(GptqFactor& factor, InputDrift drift, const std::string& where, Executor& executor);

}  // namespace qreason
