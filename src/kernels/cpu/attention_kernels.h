// The attention kernel of one instruction set: a tile of queries that share a key/value head, over all their positions.
//
// Positions are taken in chunks of kAttentionChunk, fixed by absolute position. A chunk's scores, their maximum m, the
// sum s of exp(score - m) and the weighted sum of values depend on the chunk alone; chunks are joined in order (the
// online softmax of Milakov and Gimelshein, arXiv 1805.02867). Keys and values in codes are expanded to floats,
// a few pages at a time, before the queries meet them.
#pragma once

#include <cstdint>

#include "kernels/attention.h"

namespace qreason {

inline constexpr std::int64_t kAttentionChunk = 256;
inline constexpr std::int64_t kChunkPages = kAttentionChunk / kPageTokens;
inline constexpr std::int64_t kExpandedPages = 4;  // at once: as many as are scored side by side, and stay in a cache
inline constexpr std::int64_t kMostQueries = 48;

// What a tile reads of a stream: its key/value head's part, in bytes from the start of a page.
struct HeadStream {
  std::size_t numbers = 0;  // floats or codes
  int bits = 0;             // of a code; 0: float32
  // Of codes:
  NumberKind number = NumberKind::kInteger;
  std::int64_t row_bytes = 0;
  std::int64_t run = 0;  // numbers of the head that share a scale
  ScaleType scale_type = ScaleType::kFloat32;
  std::size_t scales = 0;       // of the head's first run
  std::int64_t run_scales = 0;  // bytes of a run's scales
  std::size_t zeros = 0;        // likewise; 0: there are none, but
  float fixed_zero = 0.0f;      // this one for all
};

// What is known of the exponentials of a chunk's scores.
struct ChunkSoftmax {
  float most = 0.0f;  // of the scores
  float sum = 0.0f;   // of exp(score - most)
};

struct AttentionTile {
  std::int64_t queries = 0;  // 1 .. kMostQueries
  std::int64_t head_dim = 0;
  float scale = 0.0f;
  const float* query = nullptr;           // [queries, head_dim]
  const std::int64_t* visible = nullptr;  // [queries], each the last one's or one more: [first_seen, visible) is seen
  std::int64_t window = 0;                // positions that a query sees at most; 0: any number
  std::byte* const* pages = nullptr;
  HeadStream keys, values;
  float* scores = nullptr;          // scratch [queries, kAttentionChunk]
  float* sums = nullptr;            // of a chunk, [queries, head_dim]
  ChunkSoftmax* softmax = nullptr;  // of a chunk, [queries]
  float* out = nullptr;             // [queries, head_dim]
  float* expanded = nullptr;        // scratch [kExpandedPages, kPageTokens, head_dim], where a stream is one of codes
  float* parameters = nullptr;      // scratch [2, head_dim, kPageTokens], likewise

  std::int64_t first_seen(std::int64_t q) const { return window > 0 && visible[q] > window ? visible[q] - window : 0; }
};

struct AttentionKernels {
  void (*attend)(const AttentionTile&);
  // The same in two steps. The sums and softmax of the chunk that begins at position `first`; nothing where no query
  // sees it.
  void (*attend_chunk)(const AttentionTile&, std::int64_t first);
  // All chunks, whose sums [chunks, queries, head_dim] and softmax [chunks, queries] begin at the tile's.
  void (*join)(const AttentionTile&);
};

extern const AttentionKernels kAttentionGeneric;
extern const AttentionKernels kAttentionAvx2;
extern const AttentionKernels kAttentionAvx512;

}  // namespace qreason
