#include "quantize/gptq_factor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "quantize/upper_cholesky.h"

namespace qreason {
namespace {

constexpr std::int64_t kRowsPerTask = 64;

void check_finite(const std::vector<float>& diagonal, const std::string& where) {
  // A NaN or infinity in any input x reaches the diagonal through x_j^2, so the diagonal tells about all of H.
  for (std::size_t j = 0; j < diagonal.size(); ++j) {
    if (!std::isfinite(diagonal[j]) || diagonal[j] < 0) {
      throw Error(where, fmt::format("H[{0},{0}] = {1}", j, diagonal[j]), "finite inputs of the linears");
    }
  }
}

// The Hessian in rounding order. The upper triangle will hold the factor; the lower one keeps the undamped values for
// another try, the diagonal's are `diagonal`.
std::vector<float> permuted_both_triangles(std::vector<float> upper, const std::vector<std::int64_t>& order,
                                           ThreadPool& pool) {
  const auto n = static_cast<std::int64_t>(order.size());
  const bool identity = std::is_sorted(order.begin(), order.end());
  std::vector<float> out = identity ? std::move(upper) : std::vector<float>(static_cast<std::size_t>(n * n));
  const std::int64_t tasks = (n + kRowsPerTask - 1) / kRowsPerTask;
  if (!identity) {
    pool.run(tasks, [&](std::int64_t task) {
      for (std::int64_t i = task * kRowsPerTask; i < std::min(n, (task + 1) * kRowsPerTask); ++i) {
        for (std::int64_t j = i; j < n; ++j) {
          const auto [low, high] = std::minmax(order[i], order[j]);
          out[i * n + j] = upper[low * n + high];
        }
      }
    });
  }
  pool.run(tasks, [&](std::int64_t task) {
    for (std::int64_t i = task * kRowsPerTask; i < std::min(n, (task + 1) * kRowsPerTask); ++i) {
      for (std::int64_t j = 0; j < i; ++j) out[i * n + j] = out[j * n + i];
    }
  });
  return out;
}

void restore_upper(std::vector<float>& a, std::int64_t n, ThreadPool& pool) {
  pool.run((n + kRowsPerTask - 1) / kRowsPerTask, [&](std::int64_t task) {
    for (std::int64_t i = task * kRowsPerTask; i < std::min(n, (task + 1) * kRowsPerTask); ++i) {
      for (std::int64_t j = i + 1; j < n; ++j) a[i * n + j] = a[j * n + i];
    }
  });
}

// R -> F: every column divided by its diagonal entry.
void normalize_columns(GptqFactor& factor, ThreadPool& pool) {
  const std::int64_t n = factor.columns;
  std::vector<float> inverse(static_cast<std::size_t>(n));
  factor.pivots.resize(static_cast<std::size_t>(n));
  for (std::int64_t j = 0; j < n; ++j) {
    const float r = factor.feedback[j * n + j];
    factor.pivots[j] = r * r;
    inverse[j] = 1.0f / r;
  }
  pool.run((n + kRowsPerTask - 1) / kRowsPerTask, [&](std::int64_t task) {
    for (std::int64_t i = task * kRowsPerTask; i < std::min(n, (task + 1) * kRowsPerTask); ++i) {
      factor.feedback[i * n + i] = 1.0f;
      for (std::int64_t j = i + 1; j < n; ++j) factor.feedback[i * n + j] *= inverse[j];
    }
  });
}

}  // namespace

GptqFactor factorize(Hessian hessian, ColumnOrder order, const DampingRule& damping, const std::string& where,
                     ThreadPool& pool) {
  const std::int64_t n = hessian.columns();
  GptqFactor factor;
  factor.columns = n;
  factor.hessian_diagonal = hessian.diagonal();
  check_finite(factor.hessian_diagonal, where);

  std::vector<float> diagonal = factor.hessian_diagonal;
  factor.dead.assign(static_cast<std::size_t>(n), 0);
  for (std::int64_t j = 0; j < n; ++j) {
    if (diagonal[j] != 0) continue;
    diagonal[j] = 1.0f;
    factor.dead[j] = 1;
    ++factor.dead_columns;
  }
  factor.order.resize(static_cast<std::size_t>(n));
  std::iota(factor.order.begin(), factor.order.end(), 0);
  if (order == ColumnOrder::kByActivation) {
    std::stable_sort(factor.order.begin(), factor.order.end(),
                     [&](std::int64_t a, std::int64_t b) { return diagonal[a] > diagonal[b]; });
  }
  factor.feedback = permuted_both_triangles(hessian.take_upper(), factor.order, pool);

  const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) / static_cast<double>(n);
  factor.damping = damping.ratio;
  while (true) {
    const auto added = static_cast<float>(factor.damping * mean);
    for (std::int64_t j = 0; j < n; ++j) factor.feedback[j * n + j] = diagonal[factor.order[j]] + added;
    const auto failed = factor_upper_cholesky(factor.feedback.data(), n, pool);
    if (!failed) break;
    factor.damping += damping.step;
    ++factor.retries;
    if (factor.damping >= damping.limit) {
      throw Error(where,
                  fmt::format("the Cholesky factorization fails up to damping {:.4f} (column {} of {})", factor.damping,
                              *failed, n),
                  fmt::format("a Hessian that is positive definite with damping below {}", damping.limit));
    }
    restore_upper(factor.feedback, n, pool);
  }
  normalize_columns(factor, pool);
  return factor;
}

}  // namespace qreason
