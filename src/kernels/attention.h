// Causal attention over a paged key/value cache. Pages hold kPageTokens positions of one layer:
//   keys   [kv_heads, head_dim, kPageTokens]   (transposed: sixteen keys are scored side by side)
//   values [kv_heads, kPageTokens, head_dim]
// Scores are summed over head_dim in order, the softmax and the weighted sum over positions in order: a query's result
// depends on nothing but its own sequence.
#pragma once

#include <cstdint>

#include "base/parallel.h"

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

// One run of consecutive positions of one sequence inside a batch of rows.
struct AttentionSegment {
  std::int64_t first_row = 0;  // of the batch
  std::int64_t rows = 0;
  std::int64_t first_position = 0;  // of the sequence; the cache holds positions [0, first_position + rows) afterwards
  float* const* key_pages = nullptr;  // page i holds positions [16 i, 16 i + 16)
  float* const* value_pages = nullptr;
};

// Writes the new rows' keys and values [rows, kv_heads * head_dim] (strides in floats) into the pages.
void append_key_values(const AttentionShape& shape, const AttentionSegment* segments, std::int64_t count,
                       const float* keys, std::int64_t key_stride, const float* values, std::int64_t value_stride,
                       ThreadPool& pool);

// out[r, h*head_dim ..] = softmax(scale * q k^T) v over positions <= the row's own. q, out [rows, stride].
void attention(const AttentionShape& shape, const AttentionSegment* segments, std::int64_t count, const float* queries,
               std::int64_t query_stride, float* out, std::int64_t out_stride, ThreadPool& pool);

}  // namespace qreason
