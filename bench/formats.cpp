// Rounding whole matrices: weights per second of one thread, per kernel and format. Checks a row against the reference
// quantizer before it measures.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <vector>

#include "base/random.h"
#include "formats/group_kernels.h"
#include "formats/quantized_matrix.h"
#include "formats/reference_quantizer.h"

namespace {

using namespace qreason;

std::vector<float> weights(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double a = counter_uniform(1, 0, 0, 2 * i), b = counter_uniform(1, 0, 0, 2 * i + 1);
    values[i] = static_cast<float>(0.02 * (a + b + counter_uniform(2, 0, 0, i) - 1.5));
  }
  return values;
}

bool first_group_agrees(const QuantizedMatrix& matrix, std::span<const float> values) {
  const auto group = values.first(static_cast<std::size_t>(matrix.group_size));
  const GroupParameters parameters = find_parameters(group, matrix.format);
  if (parameters.scale != matrix.scales[0]) return false;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (encode(group[i], parameters, matrix.format) + matrix.format.code_offset() != matrix.codes[i]) return false;
  }
  return true;
}

}  // namespace

int main() {
  constexpr std::int64_t kRows = 1024, kColumns = 9728;
  const std::vector<float> values = weights(kRows * kColumns);
  fmt::print("{} weights, one thread, kernels {}\n", values.size(), group_kernels().name);
  for (const char* text : {"w4g128-asym", "w4g128-asym-mse", "w3g32-asym-mse", "w8c-sym", "w4c-sym-mse"}) {
    const QuantFormat format = parse_quant_format(text);
    const auto start = std::chrono::steady_clock::now();
    const QuantizedMatrix matrix = round_to_nearest(values, kRows, kColumns, format);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!first_group_agrees(matrix, values)) {
      fmt::print(stderr, "{}: differs from the reference quantizer\n", text);
      return 1;
    }
    fmt::print("{:18} {:7.3f} s {:8.1f} million weights/s\n", text, seconds,
               1e-6 * static_cast<double>(values.size()) / seconds);
  }
  return 0;
}
