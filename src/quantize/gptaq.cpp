#include "quantize/gptaq.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "kernels/matmul.h"
#include "quantize/each_row.h"

namespace qreason {
namespace {

constexpr std::int64_t kPanel = 128;

void check_finite(const std::vector<float>& d, std::int64_t n, const std::string& where) {
  for (std::int64_t j = 0; j < n; ++j) {
    const float* row = d.data() + j * n;
    if (std::all_of(row, row + n, [](float value) { return std::isfinite(value); })) continue;
    throw Error(where, fmt::format("a drift of column {} that is not finite", j), "finite inputs of the float linears");
  }
}

// Z with Z F^T = D in place of D, panel by panel from the last column; what lies below the diagonal panels, which
// nothing above depends on, is not Z.
void solve_transposed(std::vector<float>& d, const GptqFactor& factor, Executor& executor) {
  const std::int64_t n = factor.columns;
  std::vector<float> behind;
  for (std::int64_t end = n; end > 0;) {
    const std::int64_t begin = (end - 1) / kPanel * kPanel, width = end - begin;
    if (end < n) {
      behind.resize(static_cast<std::size_t>((n - end) * width));
      for_each_row(n - end, executor, [&](std::int64_t k) {
        for (std::int64_t j = 0; j < width; ++j) behind[k * width + j] = factor.feedback[(begin + j) * n + end + k];
      });
      subtract_product({.a = d.data() + end,
                        .a_stride = n,
                        .b = behind.data(),
                        .b_stride = width,
                        .c = d.data() + begin,
                        .c_stride = n,
                        .m = end,
                        .n = width,
                        .k = n - end},
                       executor);
    }
    for_each_row(end, executor, [&](std::int64_t row) {
      float* z = d.data() + row * n;
      for (std::int64_t j = end - 1; j >= begin; --j) {
        const float* f = factor.feedback.data() + j * n;
        double sum = z[j];
        for (std::int64_t k = j + 1; k < end; ++k) sum -= double{z[k]} * f[k];
        z[j] = static_cast<float>(sum);
      }
    });
    end = begin;
  }
}

}  // namespace

void add_drift(GptqFactor& factor, InputDrift drift, const std::string& where, Executor& executor) {
  const std::int64_t n = factor.columns;
  if (drift.columns() != n) {
    throw Error(where, fmt::format("a drift of {} columns", drift.columns()), fmt::format("{}", n));
  }
  std::vector<float> d = drift.take();
  check_finite(d, n, where);
  factor.drift = permuted(std::move(d), factor.order, executor);
  solve_transposed(factor.drift, factor, executor);
  for_each_row(n, executor, [&](std::int64_t i) {
    float* row = factor.drift.data() + i * n;
    std::fill_n(row, i + 1, 0.0f);
    for (std::int64_t j = i + 1; j < n; ++j) row[j] /= -factor.pivots[j];
  });
}

}  // namespace qreason
