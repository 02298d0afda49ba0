// Causal attention over a paged key/value cache (kernels/page_stream.h). Scores are summed over head_dim in order, the
// softmax and the weighted sum over positions in order: a query's result depends on nothing but its own sequence.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/executor.h"
#include "kernels/page_stream.h"

namespace qreason {

struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // heads % kv_heads == 0; query head h reads kv head h / (heads / kv_heads)
  std::int64_t head_dim = 0;  // a multiple of 2; any size works, multiples of 16 are fast
  float scale = 0.0f;         // 1 / sqrt(head_dim)
  std::int64_t window = 0;    // positions that a query sees, its own the last; 0: all up to its own

  PageRow row() const { return {.kv_heads = kv_heads, .head_dim = head_dim}; }
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

// Writes the new rows' keys and values [rows, kv_heads * head_dim] (strides in floats) into the pages; a stream of
// codes quantizes them, with the parameters and codes of the reference quantizer. Its Errors are this function's: a
// number that is not finite is one.
void append_key_values(const AttentionShape& shape, const AttentionBatch& batch, const float* keys,
                       std::int64_t key_stride, const float* values, std::int64_t value_stride, Executor& executor);

// out[r, h*head_dim ..] = softmax(scale * q k^T) v over positions <= the row's own, and within the window. q, out
// [rows, stride]. The bits are those over float32 pages that hold the values of the codes.
void attention(const AttentionShape& shape, const AttentionBatch& batch, const float* queries,
               std::int64_t query_stride, float* out, std::int64_t out_stride, Executor& executor);

}  // namespace qreason
