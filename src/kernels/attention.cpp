#include "kernels/attention.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/isa.h"
#include "formats/group_kernels.h"
#include "formats/packing.h"
#include "formats/scale_codec.h"
#include "kernels/cpu/aligned_buffer.h"
#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu_backend.h"

namespace qreason {
namespace {

const AttentionKernels& attention_kernels() {
  return of_isa(kAttentionGeneric, kAttentionAvx2, kAttentionAvx512);
}

void check(const AttentionShape& shape) {
  if (shape.kv_heads < 1 || shape.head_dim < 1 || shape.heads % shape.kv_heads != 0 || shape.window < 0) {
    throw Error("attention",
                std::to_string(shape.heads) + " heads over " + std::to_string(shape.kv_heads) + " of " +
                    std::to_string(shape.head_dim) + " numbers, a window of " + std::to_string(shape.window),
                "heads a multiple of the key/value heads, and no negative window");
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

HeadStream head_stream(const AttentionShape& shape, const PageStream& stream, std::int64_t kv_head) {
  const std::int64_t before = kv_head * shape.head_dim;  // numbers of a position
  if (!stream.format)
    return {.numbers = stream.offset + static_cast<std::size_t>(before * kPageTokens) * sizeof(float)};
  const QuantFormat& format = *stream.format;
  const CodedStream coded = coded_stream(shape.row(), format);
  const auto parameters = static_cast<std::size_t>(before / coded.run * kPageTokens);
  const std::size_t size = scale_bytes(format.scale_type);
  return {.numbers = stream.offset + static_cast<std::size_t>(kv_head * kPageTokens * coded.row_bytes),
          .bits = format.bits,
          .number = format.kind,
          .row_bytes = coded.row_bytes,
          .run = std::min(coded.run, shape.head_dim),
          .scale_type = format.scale_type,
          .scales = stream.offset + coded.scales + parameters * size,
          .run_scales = kPageTokens * static_cast<std::int64_t>(size),
          .zeros = has_zeros(format) ? stream.offset + coded.zeros + parameters : 0,
          .fixed_zero = format.kind == NumberKind::kInteger ? static_cast<float>(format.code_offset()) : 0.0f};
}

// A tile with its queries, in the workspace of a worker.
class TileOfQueries {
 public:
  TileOfQueries(const AttentionShape& shape, const AttentionSegment& segment, const PageStreams& streams,
                const Rows& rows, TileIndex index, Workspace& workspace)
      : shape_(shape), segment_(segment), rows_(rows), index_(index), first_(index.tile * kMostQueries) {
    const std::int64_t group = group_of(shape), width = shape.head_dim;
    const std::int64_t queries = std::min(kMostQueries, segment.rows * group - first_);
    const bool coded = streams.keys.format || streams.values.format;
    const std::int64_t own = queries * (kAttentionChunk + 3 * width);
    const std::int64_t expansion = coded ? (kExpandedPages + 2) * kPageTokens * width : 0;
    float* expanded = workspace.need(WorkspaceSlot::kAttention, static_cast<std::size_t>(own + expansion));
    float* scratch = expanded + expansion;
    float* query = scratch + queries * kAttentionChunk;
    for (std::int64_t q = 0; q < queries; ++q) {
      const float* from = rows.queries + row_of(q) * rows.query_stride + column_of(q);
      std::memcpy(query + q * width, from, static_cast<std::size_t>(width) * sizeof(float));
      visible_[q] = segment.first_position + (first_ + q) / group + 1;
    }
    tile = {.queries = queries,
            .head_dim = width,
            .scale = shape.scale,
            .query = query,
            .visible = visible_,
            .window = shape.window,
            .pages = segment.pages,
            .keys = head_stream(shape, streams.keys, index.kv_head),
            .values = head_stream(shape, streams.values, index.kv_head),
            .scores = scratch,
            .sums = query + queries * width,
            .softmax = softmax_,
            .out = query + 2 * queries * width,
            .expanded = expanded,
            .parameters = expanded + kExpandedPages * kPageTokens * width};
  }
  TileOfQueries(const TileOfQueries&) = delete;
  TileOfQueries& operator=(const TileOfQueries&) = delete;

  void write_out() const {
    const auto bytes = static_cast<std::size_t>(tile.head_dim) * sizeof(float);
    for (std::int64_t q = 0; q < tile.queries; ++q) {
      std::memcpy(rows_.out + row_of(q) * rows_.out_stride + column_of(q), tile.out + q * tile.head_dim, bytes);
    }
  }

  AttentionTile tile;

 private:
  std::int64_t column_of(std::int64_t q) const {
    const std::int64_t group = group_of(shape_);
    return (index_.kv_head * group + (first_ + q) % group) * shape_.head_dim;
  }
  std::int64_t row_of(std::int64_t q) const { return segment_.first_row + (first_ + q) / group_of(shape_); }

  const AttentionShape& shape_;
  const AttentionSegment& segment_;
  const Rows& rows_;
  TileIndex index_;
  std::int64_t first_;
  std::int64_t visible_[kMostQueries];
  ChunkSoftmax softmax_[kMostQueries];
};

// Sixteen rows side by side as a page of keys has them, or one after another as one of values.
enum class RowOrder { kBeside, kBehind };

// `count` items of a head's row into place, of items [kv_heads, count, kPageTokens] or [kv_heads, kPageTokens, count].
template <class T>
void put_row(const T* row, std::int64_t count, std::int64_t head, std::int64_t slot, RowOrder order, T* items) {
  T* of_head = items + head * count * kPageTokens;
  if (order == RowOrder::kBehind) {
    std::memcpy(of_head + slot * count, row, static_cast<std::size_t>(count) * sizeof(T));
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) of_head[i * kPageTokens + slot] = row[i];
}

// One position's row [kv_heads * head_dim] into a stream of codes. `scratch`: room for its codes and the packed ones of
// a head.
void append_codes(const PageRow& shape, const QuantFormat& format, RangeClips clips, const float* row,
                  std::int64_t slot, RowOrder order, std::byte* stream, std::uint8_t* scratch) {
  const GroupKernels& kernels = group_kernels();
  const CodedStream coded = coded_stream(shape, format);
  const std::size_t scale_size = scale_bytes(format.scale_type);
  for (std::int64_t run = 0; run < coded.runs; ++run) {
    const std::span<const float> values(row + run * coded.run, static_cast<std::size_t>(coded.run));
    // A row of learned clips is a head, or all of a position where runs are groups.
    const auto clip = clips.of_group(format.granularity == Granularity::kHead ? 0 : run);
    const GroupParameters parameters = encode_group(kernels, values, format, clip, scratch + run * coded.run);
    const auto at = static_cast<std::size_t>(run * kPageTokens + slot);
    encode_scales({&parameters.scale, 1}, format.scale_type, {stream + coded.scales + at * scale_size, scale_size});
    if (has_zeros(format))
      stream[coded.zeros + at] = static_cast<std::byte>(static_cast<std::uint8_t>(parameters.zero));
  }
  const auto head_dim = static_cast<std::size_t>(shape.head_dim);
  std::uint8_t* packed = scratch + shape.kv_heads * shape.head_dim;
  std::fill_n(packed, coded.row_bytes, std::uint8_t{0});
  for (std::int64_t head = 0; head < shape.kv_heads; ++head) {
    pack_codes({scratch + head * shape.head_dim, head_dim}, format.bits, {packed, packed_bytes(head_dim, format.bits)});
    put_row(packed, coded.row_bytes, head, slot, order, reinterpret_cast<std::uint8_t*>(stream));
  }
}

// One position's row [kv_heads * head_dim] into its place in a stream of its page.
void append_row(const PageRow& shape, const PageStream& stream, const float* row, std::int64_t slot, RowOrder order,
                std::byte* page, Workspace& workspace) {
  if (stream.format) {
    const auto bytes = static_cast<std::size_t>((shape.kv_heads + 2) * (shape.head_dim + 8));
    float* scratch = workspace.need(WorkspaceSlot::kAttention, bytes / sizeof(float) + 1);
    return append_codes(shape, *stream.format, stream.clips, row, slot, order, page + stream.offset,
                        reinterpret_cast<std::uint8_t*>(scratch));
  }
  auto* floats = reinterpret_cast<float*>(page + stream.offset);
  for (std::int64_t head = 0; head < shape.kv_heads; ++head) {
    put_row(row + head * shape.head_dim, shape.head_dim, head, slot, order, floats);
  }
}

// Calls task(segment, index in the segment, index in all) for count_of(segment) tasks of every segment.
template <class Count, class Task>
void by_segments(const AttentionBatch& batch, Executor& executor, Count&& count_of, Task&& task) {
  std::vector<std::int64_t> ends;
  ends.reserve(static_cast<std::size_t>(batch.count));
  std::int64_t total = 0;
  for (std::int64_t s = 0; s < batch.count; ++s) ends.push_back(total += count_of(batch.segments[s]));
  executor.run(total, [&](std::int64_t index) {
    const auto end = std::upper_bound(ends.begin(), ends.end(), index);
    const std::int64_t before = end == ends.begin() ? 0 : *(end - 1);
    task(batch.segments[end - ends.begin()], index - before, index);
  });
}

// Few tiles over long contexts: their chunks side by side, and then joined in order, which gives the bits of one after
// another.
void attend_by_chunks(const AttentionShape& shape, const AttentionBatch& batch, const Rows& rows, std::int64_t tiles,
                      std::int64_t chunks, Executor& executor) {
  const std::int64_t sums = kMostQueries * shape.head_dim, part = sums + kMostQueries * 2;  // floats of a chunk
  static_assert(sizeof(ChunkSoftmax) == 2 * sizeof(float));
  float* parts = executor.workspace().need(WorkspaceSlot::kTotals, static_cast<std::size_t>(tiles * chunks * part));
  // A tile's: the sums of all chunks, then the softmax of all.
  const auto place = [&](std::int64_t tile, std::int64_t chunk, AttentionTile& t) {
    float* of_tile = parts + tile * chunks * part;
    t.sums = of_tile + chunk * t.queries * shape.head_dim;
    t.softmax = reinterpret_cast<ChunkSoftmax*>(of_tile + chunks * sums) + chunk * t.queries;
  };
  const auto index_of = [&](std::int64_t tile) {
    return TileIndex{.kv_head = tile % shape.kv_heads, .tile = tile / shape.kv_heads};
  };
  const auto tiles_in = [&](const AttentionSegment& segment) { return tiles_of(shape, segment) * shape.kv_heads; };
  by_segments(
      batch, executor, [&](const AttentionSegment& segment) { return tiles_in(segment) * chunks; },
      [&](const AttentionSegment& segment, std::int64_t within, std::int64_t overall) {
        TileOfQueries one(shape, segment, batch.streams, rows, index_of(within / chunks), executor.workspace());
        place(overall / chunks, overall % chunks, one.tile);
        attention_kernels().attend_chunk(one.tile, overall % chunks * kAttentionChunk);
      });
  by_segments(batch, executor, tiles_in,
              [&](const AttentionSegment& segment, std::int64_t within, std::int64_t overall) {
                TileOfQueries one(shape, segment, batch.streams, rows, index_of(within), executor.workspace());
                place(overall, 0, one.tile);
                attention_kernels().join(one.tile);
                one.write_out();
              });
}

}  // namespace

void CpuBackend::append_key_values(const AttentionShape& shape, const AttentionBatch& batch, const float* keys,
                                   std::int64_t key_stride, const float* values, std::int64_t value_stride,
                                   Executor& executor) const {
  check(shape);
  by_segments(
      batch, executor, [](const AttentionSegment& segment) { return (segment.rows + kPageTokens - 1) / kPageTokens; },
      [&](const AttentionSegment& segment, std::int64_t run, std::int64_t) {
        const std::int64_t end = std::min(segment.rows, (run + 1) * kPageTokens);
        for (std::int64_t row = run * kPageTokens; row < end; ++row) {
          const std::int64_t at = segment.first_row + row, position = segment.first_position + row;
          const std::int64_t slot = position % kPageTokens;
          std::byte* page = segment.pages[position / kPageTokens];
          Workspace& workspace = executor.workspace();
          const PageStreams& streams = batch.streams;
          append_row(shape.row(), streams.keys, keys + at * key_stride, slot, RowOrder::kBeside, page, workspace);
          append_row(shape.row(), streams.values, values + at * value_stride, slot, RowOrder::kBehind, page, workspace);
        }
      });
}

void CpuBackend::attention(const AttentionShape& shape, const AttentionBatch& batch, const float* queries,
                           std::int64_t query_stride, float* out, std::int64_t out_stride, Executor& executor) const {
  check(shape);
  const Rows rows{.queries = queries, .query_stride = query_stride, .out = out, .out_stride = out_stride};
  std::int64_t tiles = 0, chunks = 1;
  for (std::int64_t s = 0; s < batch.count; ++s) {
    const AttentionSegment& segment = batch.segments[s];
    tiles += tiles_of(shape, segment) * shape.kv_heads;
    const std::int64_t end = segment.first_position + segment.rows;
    chunks = std::max(chunks, (end + kAttentionChunk - 1) / kAttentionChunk);
  }
  const std::int64_t threads = executor.threads();
  if (chunks > 1 && tiles < 2 * threads && tiles % threads != 0) {
    return attend_by_chunks(shape, batch, rows, tiles, chunks, executor);
  }
  by_segments(
      batch, executor, [&](const AttentionSegment& segment) { return tiles_of(shape, segment) * shape.kv_heads; },
      [&](const AttentionSegment& segment, std::int64_t index, std::int64_t) {
        TileOfQueries one(shape, segment, batch.streams, rows,
                          {.kv_head = index % shape.kv_heads, .tile = index / shape.kv_heads}, executor.workspace());
        attention_kernels().attend(one.tile);
        one.write_out();
      });
}

}  // namespace qreason
