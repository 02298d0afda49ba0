// Which keys queries attend to.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace qreason {

struct AttentionHeads {
  std::int64_t heads = 0, key_heads = 0;
  std::int64_t window = 0;  // keys that a query sees, its own the last; 0: all up to its own
};

// The mean over the heads of softmax(q k^T / sqrt(head_dim)), each query over the keys up to its own and within the
// window (model/sliding_window.h): [n, n] by (query, key), 0 where a key is not seen. Queries [n, heads * head_dim] and
// keys [n, key_heads * head_dim] after RoPE, float32 contiguous on the host; heads share keys in runs of
// heads / key_heads. Computed in float64.
std::vector<float> mean_attention(const at::Tensor& queries, const at::Tensor& keys, const AttentionHeads& heads);

}  // namespace qreason
