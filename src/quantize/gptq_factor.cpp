#include "quantize/gptq_factor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "quantize/each_row.h"
#include "quantize/upper_cholesky.h"

namespace qreason {
namespace {

constexpr std::int64_t kTile = 64;
constexpr std::int64_t kStripe = 256;  // columns whose rows are moved by one task

// Calls body(i, j) for every i < n and, tile by tile (a transposed walk along whole rows would miss every cache), every
// j on its side of the diagonal: j < i.
template <class Body>
void for_each_below(std::int64_t n, Executor& executor, Body body) {
  const std::int64_t tiles = (n + kTile - 1) / kTile;
  executor.run(tiles, [&](std::int64_t row_tile) {
    const std::int64_t last_row = std::min(n, (row_tile + 1) * kTile);
    for (std::int64_t first = 0; first < last_row; first += kTile) {
      for (std::int64_t i = row_tile * kTile; i < last_row; ++i) {
        for (std::int64_t j = first; j < std::min(i, first + kTile); ++j) body(i, j);
      }
    }
  });
}

void check_finite(const std::vector<float>& diagonal, const std::string& where) {
  // A NaN or infinity in any input x reaches the diagonal through x_j^2, so the diagonal tells about all of H.
  for (std::size_t j = 0; j < diagonal.size(); ++j) {
    if (!std::isfinite(diagonal[j]) || diagonal[j] < 0) {
      throw Error(where, fmt::format("H[{0},{0}] = {1}", j, diagonal[j]), "finite inputs of the linears");
    }
  }
}

// H_jj = 1 in dead columns.
void mark_dead_columns(std::vector<float>& diagonal, GptqFactor& factor, const std::string& where) {
  factor.dead.assign(diagonal.size(), 0);
  for (std::size_t j = 0; j < diagonal.size(); ++j) {
    if (diagonal[j] != 0) continue;
    diagonal[j] = 1.0f;
    factor.dead[j] = 1;
    ++factor.dead_columns;
  }
  if (factor.dead_columns == factor.columns) {
    throw Error(where, "inputs that are all 0", "calibration inputs, or a rule that leaves what reads them float");
  }
}

// The Hessian in rounding order. The upper triangle will hold the factor; the lower one keeps the undamped values for
// another try, the diagonal's are `diagonal`.
std::vector<float> permuted_both_triangles(std::vector<float> upper, const std::vector<std::int64_t>& order,
                                           Executor& executor) {
  const auto n = static_cast<std::int64_t>(order.size());
  // Below the diagonal as well, so that a permuted row comes out of one row.
  for_each_below(n, executor, [&](std::int64_t i, std::int64_t j) { upper[i * n + j] = upper[j * n + i]; });
  return permuted(std::move(upper), order, executor);
}

void restore_upper(std::vector<float>& a, std::int64_t n, Executor& executor) {
  for_each_below(n, executor, [&](std::int64_t i, std::int64_t j) { a[j * n + i] = a[i * n + j]; });
}

// One try at a damping: the undamped Hessian lies on both sides of the diagonal of factor.feedback (float64: below it)
// and in `diagonal`, in rounding order; R goes above. The column that failed, if one did.
std::optional<std::int64_t> try_float32(GptqFactor& factor, const std::vector<float>& diagonal, double added,
                                        Executor& executor) {
  const std::int64_t n = factor.columns;
  const auto damping = static_cast<float>(added);
  for (std::int64_t j = 0; j < n; ++j) factor.feedback[j * n + j] = diagonal[j] + damping;
  return factor_upper_cholesky(factor.feedback.data(), n, executor);
}

std::optional<std::int64_t> try_float64(GptqFactor& factor, const std::vector<float>& diagonal, double added,
                                        Executor& executor) {
  const std::int64_t n = factor.columns;
  UpperTriangle wide(n);
  for_each_below(n, executor, [&](std::int64_t i, std::int64_t j) { wide.row(j)[i] = factor.feedback[i * n + j]; });
  for (std::int64_t j = 0; j < n; ++j) wide.row(j)[j] = diagonal[j] + added;
  if (const auto failed = factor_upper_cholesky(wide, executor)) return failed;
  for_each_below(n, executor, [&](std::int64_t i, std::int64_t j) {
    factor.feedback[j * n + i] = static_cast<float>(wide.row(j)[i]);
  });
  for (std::int64_t j = 0; j < n; ++j) factor.feedback[j * n + j] = static_cast<float>(wide.row(j)[j]);
  return std::nullopt;
}

// R -> F: every column divided by its diagonal entry.
void normalize_columns(GptqFactor& factor, Executor& executor) {
  const std::int64_t n = factor.columns;
  std::vector<float> inverse(static_cast<std::size_t>(n));
  factor.pivots.resize(static_cast<std::size_t>(n));
  for (std::int64_t j = 0; j < n; ++j) {
    const float r = factor.feedback[j * n + j];
    factor.pivots[j] = r * r;
    inverse[j] = 1.0f / r;
  }
  for_each_row(n, executor, [&](std::int64_t i) {
    factor.feedback[i * n + i] = 1.0f;
    for (std::int64_t j = i + 1; j < n; ++j) factor.feedback[i * n + j] *= inverse[j];
  });
}

// Row i of the stripe becomes what row order[i] was; rows are `stride` apart.
void move_rows(float* stripe, std::int64_t stride, std::int64_t width, const std::vector<std::int64_t>& order) {
  std::vector<char> moved(order.size());
  std::vector<float> kept(static_cast<std::size_t>(width));
  for (std::size_t start = 0; start < order.size(); ++start) {
    if (moved[start]) continue;
    std::copy_n(stripe + static_cast<std::int64_t>(start) * stride, width, kept.data());
    std::size_t at = start;
    for (auto from = static_cast<std::size_t>(order[at]); from != start; from = static_cast<std::size_t>(order[at])) {
      std::copy_n(stripe + static_cast<std::int64_t>(from) * stride, width,
                  stripe + static_cast<std::int64_t>(at) * stride);
      moved[at] = 1;
      at = from;
    }
    std::copy_n(kept.data(), width, stripe + static_cast<std::int64_t>(at) * stride);
    moved[at] = 1;
  }
}

}  // namespace

std::vector<float> permuted(std::vector<float> matrix, const std::vector<std::int64_t>& order, Executor& executor) {
  if (std::is_sorted(order.begin(), order.end())) return matrix;
  const auto n = static_cast<std::int64_t>(order.size());
  // In place, a stripe of columns to a task: rows move along the cycles of the order, then columns within their rows.
  const std::int64_t stripes = (n + kStripe - 1) / kStripe;
  executor.run(stripes, [&](std::int64_t stripe) {
    const std::int64_t first = stripe * kStripe;
    move_rows(matrix.data() + first, n, std::min(kStripe, n - first), order);
  });
  for_each_row(n, executor, [&](std::int64_t i) {
    float* row = matrix.data() + i * n;
    const std::vector<float> before(row, row + n);
    for (std::int64_t j = 0; j < n; ++j) row[j] = before[order[j]];
  });
  return matrix;
}

GptqFactor begin_factor(std::vector<float> hessian_diagonal, ColumnOrder order, const std::string& where) {
  GptqFactor factor;
  factor.columns = static_cast<std::int64_t>(hessian_diagonal.size());
  factor.hessian_diagonal = std::move(hessian_diagonal);
  check_finite(factor.hessian_diagonal, where);
  std::vector<float> diagonal = factor.hessian_diagonal;
  mark_dead_columns(diagonal, factor, where);
  factor.order.resize(diagonal.size());
  std::iota(factor.order.begin(), factor.order.end(), 0);
  if (order == ColumnOrder::kByActivation) {
    std::stable_sort(factor.order.begin(), factor.order.end(),
                     [&](std::int64_t a, std::int64_t b) { return diagonal[a] > diagonal[b]; });
  }
  return factor;
}

std::vector<float> ordered_diagonal(const GptqFactor& factor) {
  std::vector<float> ordered;
  for (const std::int64_t column : factor.order) {
    ordered.push_back(factor.dead[column] ? 1.0f : factor.hessian_diagonal[column]);
  }
  return ordered;
}

void factorize_damped(GptqFactor& factor, const CholeskyTries& tries, const DampingRule& rule,
                      const std::string& where) {
  const std::vector<float> diagonal = ordered_diagonal(factor);
  const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) / static_cast<double>(factor.columns);
  factor.damping = rule.ratio;
  while (true) {
    auto failed = tries.float32(factor.damping * mean);
    if (failed && factor.retries == 0) {
      ++factor.float64_retries;
      failed = tries.float64(factor.damping * mean);
    }
    if (!failed) return;
    factor.damping += rule.step;
    ++factor.retries;
    if (factor.damping >= rule.limit) {
      throw Error(where,
                  fmt::format("the Cholesky factorization fails up to damping {:.4f} (column {} of {})", factor.damping,
                              *failed, factor.columns),
                  fmt::format("a Hessian that is positive definite with damping below {}", rule.limit));
    }
  }
}

GptqFactor factorize(Hessian hessian, ColumnOrder order, const DampingRule& damping, const std::string& where,
                     Executor& executor) {
  GptqFactor factor = begin_factor(hessian.diagonal(), order, where);
  factor.feedback = permuted_both_triangles(hessian.take_upper(), factor.order, executor);
  const std::vector<float> ordered = ordered_diagonal(factor);
  bool is_undamped = true;
  const CholeskyTries tries{.float32 =
                                [&](double added) {
                                  if (!is_undamped) restore_upper(factor.feedback, factor.columns, executor);
                                  is_undamped = false;
                                  return try_float32(factor, ordered, added, executor);
                                },
                            .float64 = [&](double added) { return try_float64(factor, ordered, added, executor); }};
  factorize_damped(factor, tries, damping, where);
  normalize_columns(factor, executor);
  return factor;
}

}  // namespace qreason
