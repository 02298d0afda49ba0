#include "quantize/flatquant/flat_shape.h"

#include <cmath>

namespace qreason {
namespace {

std::int64_t root_of(std::int64_t n) {  // the largest whole number whose square is not above n
  auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(n)));
  while (root * root > n) --root;
  while ((root + 1) * (root + 1) <= n) ++root;
  return root;
}

}  // namespace

KroneckerSizes kronecker_sizes(std::int64_t n) {
  const std::int64_t root = root_of(n);
  for (std::int64_t a = root * root == n ? root : root + 1; n % 4 != 2; ++a) {
    const std::int64_t b = root_of(a * a - n);
    if (b * b == a * a - n) return {.left = a - b, .right = a + b};
  }
  std::int64_t left = root;
  while (n % left != 0) --left;
  return {.left = left, .right = n / left};
}

FlatShape flat_shape(const ModelConfig& config, int tensor_parallel) {
  return {.hidden = kronecker_sizes(config.hidden_size),
          .middle = kronecker_sizes(config.intermediate_size / tensor_parallel),
          .shards = tensor_parallel,
          .shard_heads = config.heads / tensor_parallel,
          .head_dim = config.head_dim};
}

}  // namespace qreason
