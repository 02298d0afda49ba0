#include "analysis/figures/attention_map.h"

#include <algorithm>
#include <cmath>

namespace qreason {
namespace {

double dot(const float* a, const float* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

std::vector<float> mean_attention(const at::Tensor& queries, const at::Tensor& keys, const AttentionHeads& heads) {
  const std::int64_t n = queries.size(0), head_dim = queries.size(1) / heads.heads;
  const auto *q = queries.const_data_ptr<float>(), *k = keys.const_data_ptr<float>();
  const double scale = 1 / std::sqrt(static_cast<double>(head_dim));
  std::vector<double> mean(static_cast<std::size_t>(n * n), 0), scores(static_cast<std::size_t>(n));
  for (std::int64_t head = 0; head < heads.heads; ++head) {
    const std::int64_t shared = head / (heads.heads / heads.key_heads);
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t first = heads.window == 0 ? 0 : std::max<std::int64_t>(0, i + 1 - heads.window);
      double largest = -INFINITY, sum = 0;
      for (std::int64_t j = first; j <= i; ++j) {
        double& score = scores[static_cast<std::size_t>(j)];
        score =
            scale * dot(q + i * queries.size(1) + head * head_dim, k + j * keys.size(1) + shared * head_dim, head_dim);
        largest = std::max(largest, score);
      }
      for (std::int64_t j = first; j <= i; ++j) {
        double& score = scores[static_cast<std::size_t>(j)];
        score = std::exp(score - largest);
        sum += score;
      }
      for (std::int64_t j = first; j <= i; ++j)
        mean[static_cast<std::size_t>(i * n + j)] +=
            scores[static_cast<std::size_t>(j)] / sum / static_cast<double>(heads.heads);
    }
  }
  return {mean.begin(), mean.end()};
}

}  // namespace qreason
