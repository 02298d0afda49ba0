// The attention kernel of one instruction set: a tile of queries that share a key/value head, over all their positions.
//
// Positions are taken in chunks of kAttentionChunk, fixed by absolute position. A chunk's scores, their maximum m, the
// sum s of exp(score - m) and the weighted sum of values depend on the chunk alone; chunks are joined in order (the
// online softmax of Milakov and Gimelshein, arXiv 1805.02867).
#pragma once

#include <cstdint>

#include "kernels/attention.h"

namespace qreason {

inline constexpr std::int64_t kAttentionChunk = 256;
inline constexpr std::int64_t kMostQueries = 48;

struct AttentionTile {
  std::int64_t queries = 0;  // 1 .. kMostQueries
  std::int64_t head_dim = 0;
  float scale = 0.0f;
  const float* query = nullptr;           // [queries, head_dim]
  const std::int64_t* visible = nullptr;  // [queries], not decreasing: a query sees positions [0, visible)
  std::byte* const* pages = nullptr;
  PageStreams streams;
  std::int64_t head_offset = 0;  // floats before this key/value head in a stream
  float* scores = nullptr;       // scratch [queries, kAttentionChunk]
  float* sums = nullptr;         // scratch [queries, head_dim]
  float* out = nullptr;          // [queries, head_dim]

  const float* keys(std::int64_t page) const { return floats(page, streams.keys); }
  const float* values(std::int64_t page) const { return floats(page, streams.values); }

 private:
  const float* floats(std::int64_t page, std::size_t stream) const {
    return reinterpret_cast<const float*>(pages[page] + stream) + head_offset;
  }
};

struct AttentionKernels {
  void (*attend)(const AttentionTile&);
};

extern const AttentionKernels kAttentionGeneric;
extern const AttentionKernels kAttentionAvx2;
extern const AttentionKernels kAttentionAvx512;

}  // namespace qreason
