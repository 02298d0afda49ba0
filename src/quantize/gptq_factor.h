// What GPTQ needs of a Hessian, made once and shared by all linears that read the same inputs (q, k, v; gate, up).
//
// With H + damping I = R R^T (R upper triangular) and F = R diag(R)^-1 (unit upper triangular), GPTQ's column loop is
//     q_j = quantize(w_j + sum_{i<j} (w_i - q_i) F_ij)
// where w are the original weights. This is the published loop (Frantar et al. 2022, algorithm 1, with the upper
// Cholesky factor U = inverse(R) of inverse(H)) written with total instead of propagated errors; Chee et al. 2023
// (QuIP, theorem 6) prove that the two give the same q. It needs neither the inverse nor a second factorization.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/executor.h"
#include "quantize/hessian.h"

namespace qreason {

enum class ColumnOrder { kAsStored, kByActivation };  // kByActivation: descending diag H, stable ("act-order")

// Damping adds ratio * mean(diag H) to the diagonal of H. When the factorization fails, it is tried once more in
// float64 with the same damping (float32 may have lost what makes H positive definite). When that fails as well, the
// ratio grows by `step` and the undamped H is tried again, in float32; at `limit` it is an Error.
struct DampingRule {
  double ratio = 0.01;
  double step = 0.0015;
  double limit = 1.0;
};

struct GptqFactor {
  std::int64_t columns = 0;
  std::vector<std::int64_t> order;  // order[i]: the stored column that is rounded i-th
  // Columns whose input was always 0: H_jj = 0. They are left out: H_jj counts as 1, their weights as 0.
  std::vector<char> dead;  // [columns], stored order: 1 where dead
  std::int64_t dead_columns = 0;
  std::vector<float> feedback;  // F [columns, columns] in rounding order; what lies below the diagonal is not F
  std::vector<float> pivots;    // diag(R)^2 [columns], rounding order: 1 / U_jj^2
  // -A of quantize/gptaq.h [columns, columns], rounding order, 0 on and below the diagonal; empty without asymmetric
  // calibration.
  std::vector<float> drift;
  double damping = 0;                   // the ratio that worked
  int retries = 0;                      // with more damping
  int float64_retries = 0;              // 1 where float64 was tried
  std::vector<float> hessian_diagonal;  // [columns], stored order, before damping and before dead columns are set to 1
};

// The factor as it is before anything is factored: order and dead columns, from diag(H) in stored order. A diagonal
// that is not finite, or of nothing but zeros, is an Error naming `where`.
GptqFactor begin_factor(std::vector<float> hessian_diagonal, ColumnOrder order, const std::string& where);
std::vector<float> ordered_diagonal(const GptqFactor& factor);  // in rounding order, 1 in dead columns

// How a damped Hessian is factored: `added` to the diagonal of the undamped one, from which every try begins. Each
// returns the column that failed, if one did.
struct CholeskyTries {
  std::function<std::optional<std::int64_t>(double added)> float32, float64;
};
// Tries by the rule until one works, and counts them in the factor; an Error naming `where` at the limit.
void factorize_damped(GptqFactor& factor, const CholeskyTries& tries, const DampingRule& rule,
                      const std::string& where);

// out[i, j] = matrix[order[i], order[j]], [n, n]: rows and columns in rounding order.
std::vector<float> permuted(std::vector<float> matrix, const std::vector<std::int64_t>& order, Executor& executor);

// Takes the Hessian's memory. `where` names the inputs in errors ("model.layers.3 attn_in"). A Hessian that is not
// finite, or whose columns are all dead, is an Error at once, a failing one at the rule's limit.
GptqFactor factorize(Hessian hessian, ColumnOrder order, const DampingRule& damping, const std::string& where,
                     Executor& executor);

}  // namespace qreason
