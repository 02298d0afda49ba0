// Causal attention over a paged key/value cache. A page holds kPageTokens positions of every layer; a layer's part of
// it is two streams, in float32:
//   keys   [kv_heads, head_dim, kPageTokens]   (transposed: sixteen keys are scored side by side)
//   values [kv_heads, kPageTokens, head_dim]
// Scores are summed over head_dim in order, the softmax and the weighted sum over positions in order: a query's result
// depends on nothing but its own sequence.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/executor.h"

namespace qreason {

inline constexpr std::int64_t kPageTokens = 16;

struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // heads % kv_heads == 0; query head h reads kv head h / (heads / kv_heads)
  std::int64_t head_dim = 0;  // a multiple of 2; any size works, multiples of 16 are fast
  float scale = 0.0f;         // 1 / sqrt(head_dim)

  std::int64_t key_page_floats() const { return kv_heads * head_dim * kPageTokens; }
  std::int64_t value_page_floats() const { return kv_heads * head_dim * kPageTokens; }
};

// Where the keys and the values of one layer begin in a page: bytes from its start, multiples of 4.
struct PageStreams {
  std::size_t keys = 0;
  std::size_t values = 0;
};

// One run of consecutive positions of one sequence inside a batch of rows.
struct AttentionSegment {
  std::int64_t first_row = 0;  // of the batch
  std::int64_t rows = 0;
  std::int64_t first_position = 0;  // of the sequence; the cache holds positions [0, first_position + rows) afterwards
  std::byte* const* pages = nullptr;  // page i holds positions [16 i, 16 i + 16)
};

// What the rows of a step attend to, in one layer.
struct AttentionBatch {
  const AttentionSegment* segments = nullptr;
  std::int64_t count = 0;
  PageStreams streams;  // the layer's
};

// Writes the new rows' keys and values [rows, kv_heads * head_dim] (strides in floats) into the pages.
void append_key_values(const AttentionShape& shape, const AttentionBatch& batch, const float* keys,
                       std::int64_t key_stride, const float* values, std::int64_t value_stride, Executor& executor);

// out[r, h*head_dim ..] = softmax(scale * q k^T) v over positions <= the row's own. q, out [rows, stride].
void attention(const AttentionShape& shape, const AttentionBatch& batch, const float* queries,
               std::int64_t query_stride, float* out, std::int64_t out_stride, Executor& executor);

}  // namespace qreason
