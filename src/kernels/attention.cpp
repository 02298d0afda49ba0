#include "kernels/attention.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/isa.h"
#include "kernels/cpu/aligned_buffer.h"
#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu_backend.h"

namespace qreason {
namespace {

const AttentionKernels& attention_kernels() {
  return of_isa(kAttentionGeneric, kAttentionAvx2, kAttentionAvx512);
}

void check(const AttentionShape& shape) {
  if (shape.kv_heads < 1 || shape.head_dim < 1 || shape.heads % shape.kv_heads != 0) {
    throw Error("attention",
                std::to_string(shape.heads) + " heads over " + std::to_string(shape.kv_heads) + " of " +
                    std::to_string(shape.head_dim) + " numbers",
                "heads a multiple of the key/value heads");
  }
}

std::int64_t group_of(const AttentionShape& shape) {
  return shape.heads / shape.kv_heads;
}

// Tiles of a segment and key/value head: its queries in the order (row, head of the group), kMostQueries at a time.
std::int64_t tiles_of(const AttentionShape& shape, const AttentionSegment& segment) {
  return (segment.rows * group_of(shape) + kMostQueries - 1) / kMostQueries;
}

struct Rows {
  const float* queries = nullptr;
  std::int64_t query_stride = 0;
  float* out = nullptr;
  std::int64_t out_stride = 0;
};

// One tile of a segment and key/value head.
struct TileIndex {
  std::int64_t kv_head = 0;
  std::int64_t tile = 0;
};

void attend_tile(const AttentionShape& shape, const AttentionSegment& segment, const PageStreams& streams,
                 const Rows& rows, TileIndex index, Workspace& workspace) {
  const auto [kv_head, tile] = index;
  const std::int64_t group = group_of(shape), first = tile * kMostQueries;
  const std::int64_t queries = std::min(kMostQueries, segment.rows * group - first), width = shape.head_dim;
  float* scratch =
      workspace.need(WorkspaceSlot::kAttention, static_cast<std::size_t>(queries * (kAttentionChunk + 3 * width)));
  std::int64_t visible[kMostQueries];
  float* query = scratch + queries * kAttentionChunk;
  const auto bytes = static_cast<std::size_t>(width) * sizeof(float);
  const auto head_of = [&](std::int64_t q) { return (kv_head * group + (first + q) % group) * width; };
  const auto row_of = [&](std::int64_t q) { return segment.first_row + (first + q) / group; };
  for (std::int64_t q = 0; q < queries; ++q) {
    std::memcpy(query + q * width, rows.queries + row_of(q) * rows.query_stride + head_of(q), bytes);
    visible[q] = segment.first_position + (first + q) / group + 1;
  }
  const AttentionTile t{.queries = queries,
                        .head_dim = width,
                        .scale = shape.scale,
                        .query = query,
                        .visible = visible,
                        .pages = segment.pages,
                        .streams = streams,
                        .head_offset = kv_head * width * kPageTokens,
                        .scores = scratch,
                        .sums = query + queries * width,
                        .out = query + 2 * queries * width};
  attention_kernels().attend(t);
  for (std::int64_t q = 0; q < queries; ++q) {
    std::memcpy(rows.out + row_of(q) * rows.out_stride + head_of(q), t.out + q * width, bytes);
  }
}

// One position's keys and values, [kv_heads * head_dim] each, into its page.
void append_row(const AttentionShape& shape, const AttentionSegment& segment, const PageStreams& streams,
                const float* key, const float* value, std::int64_t position) {
  const std::int64_t slot = position % kPageTokens;
  std::byte* page = segment.pages[position / kPageTokens];
  auto* key_page = reinterpret_cast<float*>(page + streams.keys);
  auto* value_page = reinterpret_cast<float*>(page + streams.values);
  const std::int64_t width = shape.head_dim;
  for (std::int64_t i = 0; i < shape.kv_heads * width; ++i) key_page[i * kPageTokens + slot] = key[i];
  for (std::int64_t head = 0; head < shape.kv_heads; ++head) {
    std::memcpy(value_page + (head * kPageTokens + slot) * width, value + head * width,
                static_cast<std::size_t>(width) * sizeof(float));
  }
}

// Calls task(segment, index in the segment) for count_of(segment) tasks of every segment.
template <class Count, class Task>
void by_segments(const AttentionBatch& batch, Executor& executor, Count&& count_of, Task&& task) {
  std::vector<std::int64_t> ends;
  ends.reserve(static_cast<std::size_t>(batch.count));
  std::int64_t total = 0;
  for (std::int64_t s = 0; s < batch.count; ++s) ends.push_back(total += count_of(batch.segments[s]));
  executor.run(total, [&](std::int64_t index) {
    const auto end = std::upper_bound(ends.begin(), ends.end(), index);
    const std::int64_t before = end == ends.begin() ? 0 : *(end - 1);
    task(batch.segments[end - ends.begin()], index - before);
  });
}

}  // namespace

void CpuBackend::append_key_values(const AttentionShape& shape, const AttentionBatch& batch, const float* keys,
                                   std::int64_t key_stride, const float* values, std::int64_t value_stride,
                                   Executor& executor) const {
  check(shape);
  by_segments(
      batch, executor, [](const AttentionSegment& segment) { return (segment.rows + kPageTokens - 1) / kPageTokens; },
      [&](const AttentionSegment& segment, std::int64_t run) {
        const std::int64_t end = std::min(segment.rows, (run + 1) * kPageTokens);
        for (std::int64_t row = run * kPageTokens; row < end; ++row) {
          const std::int64_t at = segment.first_row + row;
          append_row(shape, segment, batch.streams, keys + at * key_stride, values + at * value_stride,
                     segment.first_position + row);
        }
      });
}

void CpuBackend::attention(const AttentionShape& shape, const AttentionBatch& batch, const float* queries,
                           std::int64_t query_stride, float* out, std::int64_t out_stride, Executor& executor) const {
  check(shape);
  const Rows rows{.queries = queries, .query_stride = query_stride, .out = out, .out_stride = out_stride};
  by_segments(
      batch, executor, [&](const AttentionSegment& segment) { return tiles_of(shape, segment) * shape.kv_heads; },
      [&](const AttentionSegment& segment, std::int64_t index) {
        attend_tile(shape, segment, batch.streams, rows,
                    {.kv_head = index % shape.kv_heads, .tile = index / shape.kv_heads}, executor.workspace());
      });
}

}  // namespace qreason
