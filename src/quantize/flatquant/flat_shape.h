// The sizes of FlatQuant's transforms in a model (arXiv 2410.09426; methods.md, section 10).
#pragma once

#include <cstdint>

#include "model/config.h"

namespace qreason {

// n = left * right, left <= right. Both even or both odd and as near to sqrt(n) as such factors can be: from
// a = ceil(sqrt(n)) upward the first a with a^2 - n = b^2, left = a - b, right = a + b. Where none are (n = 2 mod 4)
// the factors nearest to sqrt(n).
struct KroneckerSizes {
  std::int64_t left = 1, right = 1;
};
KroneckerSizes kronecker_sizes(std::int64_t n);

struct FlatShape {
  KroneckerSizes hidden;         // of the normed inputs of q, k, v and of gate, up
  KroneckerSizes middle;         // of a shard of down's input
  std::int64_t shards = 1;       // the degree of tensor parallelism
  std::int64_t shard_heads = 1;  // query heads of a shard of o's input
  std::int64_t head_dim = 1;
};
FlatShape flat_shape(const ModelConfig& config, int tensor_parallel);

}  // namespace qreason
