#include "quantize/propagated_weights.h"

#include <algorithm>

#include "kernels/matmul.h"
#include "quantize/each_row.h"

namespace qreason {
namespace {

constexpr std::int64_t kPanel = 128;

}  // namespace

std::vector<float> propagated_weights(const GptqFactor& factor, const PropagationInput& input, Executor& executor) {
  const std::int64_t n = factor.columns, rows = input.rows, width = input.end - input.begin;
  std::vector<float> x(static_cast<std::size_t>(rows * width));
  for_each_row(rows, executor, [&](std::int64_t row) {
    const std::int64_t at = row * n + input.begin;
    for (std::int64_t j = 0; j < width; ++j) x[row * width + j] = input.work[at + j] - input.original[at + j];
  });
  // x F = S, panel by panel: inside a panel row by row, then its share is taken from everything behind it.
  for (std::int64_t first = 0; first < width && input.begin > 0; first += kPanel) {
    const std::int64_t last = std::min(width, first + kPanel);
    for_each_row(rows, executor, [&](std::int64_t row) {
      float* values = x.data() + row * width;
      for (std::int64_t i = first; i < last; ++i) {
        const float* feedback = factor.feedback.data() + (input.begin + i) * n + input.begin;
        for (std::int64_t j = i + 1; j < last; ++j) values[j] -= values[i] * feedback[j];
      }
    });
    if (last == width) break;
    subtract_product({.a = x.data() + first,
                      .a_stride = width,
                      .b = factor.feedback.data() + (input.begin + first) * n + input.begin + last,
                      .b_stride = n,
                      .c = x.data() + last,
                      .c_stride = width,
                      .m = rows,
                      .n = width - last,
                      .k = last - first},
                     executor);
  }
  for_each_row(rows, executor, [&](std::int64_t row) {
    const float* original = input.original + row * n + input.begin;
    for (std::int64_t j = 0; j < width; ++j) x[row * width + j] += original[j];
  });
  return x;
}

}  // namespace qreason
