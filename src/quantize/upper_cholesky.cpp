#include "quantize/upper_cholesky.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/matmul.h"
#include "quantize/each_row.h"

namespace qreason {
namespace {

constexpr std::int64_t kPanel = 256;
constexpr std::int64_t kDoublePanel = 64;

// Four sums side by side: one alone would wait for every addition.
double dot(const double* a, const double* b, std::int64_t n) {
  double sums[4] = {0, 0, 0, 0};
  std::int64_t k = 0;
  for (; k + 4 <= n; k += 4) {
    for (int lane = 0; lane < 4; ++lane) sums[lane] += a[k + lane] * b[k + lane];
  }
  for (; k < n; ++k) sums[0] += a[k] * b[k];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// A diagonal block in double: small enough to cost nothing, and the place where cancellation would hurt.
class DiagonalBlock {
 public:
  explicit DiagonalBlock(std::int64_t size) : size_(size), r_(size * size), inverse_(size * size) {}

  double& at(std::int64_t i, std::int64_t j) { return r_[i * size_ + j]; }

  // Row i of `r_` is contiguous, so both dot products run along rows.
  std::optional<std::int64_t> factor() {
    for (std::int64_t j = size_ - 1; j >= 0; --j) {
      const double pivot = at(j, j) - dot_behind(j, j, j);
      if (!(pivot > 0) || !std::isfinite(pivot)) return j;
      at(j, j) = std::sqrt(pivot);
      for (std::int64_t i = 0; i < j; ++i) at(i, j) = (at(i, j) - dot_behind(i, j, j)) / at(j, j);
    }
    return std::nullopt;
  }

  // inverse(R), stored transposed: inverse_transposed(j, i) = inverse(R)(i, j), zero for j < i.
  void invert() {
    for (std::int64_t j = 0; j < size_; ++j) {
      double* column = &inverse_[j * size_];
      column[j] = 1 / at(j, j);
      for (std::int64_t i = j - 1; i >= 0; --i) {
        double sums[4] = {0, 0, 0, 0};
        std::int64_t k = i + 1;
        for (; k + 3 <= j; k += 4) {
          for (int lane = 0; lane < 4; ++lane) sums[lane] += at(i, k + lane) * column[k + lane];
        }
        for (; k <= j; ++k) sums[0] += at(i, k) * column[k];
        column[i] = -((sums[0] + sums[1]) + (sums[2] + sums[3])) / at(i, i);
      }
    }
  }
  double inverse_transposed(std::int64_t j, std::int64_t i) const { return inverse_[j * size_ + i]; }

 private:
  double dot_behind(std::int64_t i, std::int64_t l, std::int64_t column) const {
    return dot(r_.data() + i * size_ + column + 1, r_.data() + l * size_ + column + 1, size_ - column - 1);
  }

  std::int64_t size_;
  std::vector<double> r_, inverse_;
};

struct Panel {
  std::int64_t begin, end;
  std::int64_t width() const { return end - begin; }
};

// out [n - end, width] = (R[begin..end, end..n])^T.
void transpose_right_of(const float* a, std::int64_t n, Panel panel, std::vector<float>& out) {
  out.resize(static_cast<std::size_t>((n - panel.end) * panel.width()));
  for (std::int64_t i = panel.begin; i < panel.end; ++i) {
    const float* row = a + i * n;
    for (std::int64_t k = panel.end; k < n; ++k) out[(k - panel.end) * panel.width() + i - panel.begin] = row[k];
  }
}

// Memory that panel after panel uses again; the first one needs the most of `above`, the last one of `right`.
struct PanelScratch {
  std::vector<float> diagonal, right, solver, above;
};

// Takes R[panel, right of it] R[panel or above, right of it]^T from the diagonal block, and from the rows above in `a`.
void subtract_right_of(float* a, std::int64_t n, Panel panel, PanelScratch& scratch, Executor& executor) {
  transpose_right_of(a, n, panel, scratch.right);
  const std::int64_t begin = panel.begin, width = panel.width();
  subtract_product({.a = a + begin * n + panel.end,
                    .a_stride = n,
                    .b = scratch.right.data(),
                    .b_stride = width,
                    .c = scratch.diagonal.data(),
                    .c_stride = width,
                    .m = width,
                    .n = width,
                    .k = n - panel.end},
                   executor);
  subtract_product({.a = a + panel.end,
                    .a_stride = n,
                    .b = scratch.right.data(),
                    .b_stride = width,
                    .c = a + begin,
                    .c_stride = n,
                    .m = begin,
                    .n = width,
                    .k = n - panel.end},
                   executor);
}

// R[0..begin, panel] = X inverse(R_panel)^T, as c -= x (-inverse^T).
void solve_above(float* a, std::int64_t n, Panel panel, DiagonalBlock& block, PanelScratch& scratch,
                 Executor& executor) {
  const std::int64_t begin = panel.begin, width = panel.width();
  block.invert();
  std::vector<float>& solver = scratch.solver;
  solver.assign(static_cast<std::size_t>(width * width), 0.0f);
  for (std::int64_t j = 0; j < width; ++j) {
    for (std::int64_t i = 0; i <= j; ++i) solver[j * width + i] = static_cast<float>(-block.inverse_transposed(j, i));
  }
  std::vector<float>& above = scratch.above;
  above.resize(static_cast<std::size_t>(begin * width));
  for (std::int64_t i = 0; i < begin; ++i) {
    std::copy_n(a + i * n + begin, width, &above[i * width]);
    std::fill_n(a + i * n + begin, width, 0.0f);
  }
  subtract_product({.a = above.data(),
                    .a_stride = width,
                    .b = solver.data(),
                    .b_stride = width,
                    .c = a + begin,
                    .c_stride = n,
                    .m = begin,
                    .n = width,
                    .k = width},
                   executor);
}

}  // namespace

std::optional<std::int64_t> factor_upper_cholesky(float* a, std::int64_t n, Executor& executor) {
  PanelScratch scratch;
  std::vector<float>& diagonal = scratch.diagonal;
  for (std::int64_t end = n; end > 0;) {
    const Panel panel{(end - 1) / kPanel * kPanel, end};
    const std::int64_t begin = panel.begin, width = panel.width();

    // The diagonal block works in its own memory: below the diagonal of `a` nothing may change.
    diagonal.resize(static_cast<std::size_t>(width * width));
    for (std::int64_t i = 0; i < width; ++i) {
      std::copy_n(a + (begin + i) * n + begin, width, &diagonal[i * width]);
    }
    if (end < n) subtract_right_of(a, n, panel, scratch, executor);
    DiagonalBlock block(width);
    for (std::int64_t i = 0; i < width; ++i) {
      for (std::int64_t j = i; j < width; ++j) block.at(i, j) = diagonal[i * width + j];
    }
    if (const auto failed = block.factor()) return begin + *failed;
    for (std::int64_t i = 0; i < width; ++i) {
      for (std::int64_t j = i; j < width; ++j) a[(begin + i) * n + begin + j] = static_cast<float>(block.at(i, j));
    }
    if (begin > 0) solve_above(a, n, panel, block, scratch, executor);
    end = begin;
  }
  return std::nullopt;
}

std::optional<std::int64_t> factor_upper_cholesky(UpperTriangle& a, Executor& executor) {
  for (std::int64_t end = a.size(); end > 0;) {
    const std::int64_t n = a.size(), begin = (end - 1) / kDoublePanel * kDoublePanel, width = end - begin;
    for_each_row(end, executor, [&](std::int64_t i) {
      for (std::int64_t j = std::max(i, begin); j < end; ++j)
        a.row(i)[j] -= dot(a.row(i) + end, a.row(j) + end, n - end);
    });
    DiagonalBlock block(width);
    for (std::int64_t i = 0; i < width; ++i) {
      for (std::int64_t j = i; j < width; ++j) block.at(i, j) = a.row(begin + i)[begin + j];
    }
    if (const auto failed = block.factor()) return begin + *failed;
    for (std::int64_t i = 0; i < width; ++i) {
      for (std::int64_t j = i; j < width; ++j) a.row(begin + i)[begin + j] = block.at(i, j);
    }
    for_each_row(begin, executor, [&](std::int64_t i) {
      double* row = a.row(i);
      for (std::int64_t j = end - 1; j >= begin; --j) {
        row[j] = (row[j] - dot(row + j + 1, a.row(j) + j + 1, end - j - 1)) / a.row(j)[j];
      }
    });
    end = begin;
  }
  return std::nullopt;
}

}  // namespace qreason
