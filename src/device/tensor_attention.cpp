// Attention of TensorBackend: what decodes one token a sequence goes together, longer runs one by one.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "base/error.h"
#include "device/paged_streams.h"
#include "device/tensor_backend.h"

namespace qreason {
namespace {

constexpr std::int64_t kPageStep = 8;                         // numbers of pages are rounded up to a multiple of it
constexpr std::int64_t kMostNumbers = std::int64_t{1} << 28;  // of keys at a time

std::int64_t pages_of(const AttentionSegment& segment) {
  const std::int64_t pages = (segment.first_position + segment.rows + kPageTokens - 1) / kPageTokens;
  return (pages + kPageStep - 1) / kPageStep * kPageStep;
}

// Segments that are computed together: all of one row, or a single one.
struct Group {
  std::vector<const AttentionSegment*> segments;
  std::int64_t pages = 0;  // of each, the last one repeated behind those that it has

  std::int64_t rows() const { return segments.front()->rows; }
  std::int64_t count() const { return static_cast<std::int64_t>(segments.size()); }
};

std::vector<Group> groups_of(const AttentionBatch& batch, std::int64_t width) {
  std::vector<Group> groups;
  const std::int64_t most = std::max<std::int64_t>(1, kMostNumbers / (width * kPageTokens));
  std::int64_t together = -1;  // the group that a decoded token joins
  for (std::int64_t i = 0; i < batch.count; ++i) {
    const AttentionSegment& segment = batch.segments[i];
    if (segment.rows == 0) continue;
    const std::int64_t pages = pages_of(segment);
    if (segment.rows == 1 && together >= 0) {
      Group& group = groups[static_cast<std::size_t>(together)];
      const std::int64_t longest = std::max(group.pages, pages);
      if ((group.count() + 1) * longest <= most) {
        group.segments.push_back(&segment);
        group.pages = longest;
        continue;
      }
    }
    groups.push_back({.segments = {&segment}, .pages = pages});
    if (segment.rows == 1) together = static_cast<std::int64_t>(groups.size()) - 1;
  }
  return groups;
}

std::vector<const std::byte*> page_list(const Group& group) {
  std::vector<const std::byte*> pages;
  for (const AttentionSegment* segment : group.segments) {
    const std::int64_t own = (segment->first_position + segment->rows + kPageTokens - 1) / kPageTokens;
    for (std::int64_t i = 0; i < group.pages; ++i) pages.push_back(segment->pages[std::min(i, own - 1)]);
  }
  return pages;
}

}  // namespace

void TensorBackend::append_key_values(const AttentionShape& shape, const AttentionBatch& batch, const float* keys,
                                      std::int64_t key_stride, const float* values, std::int64_t value_stride,
                                      Executor&) const {
  std::vector<const std::byte*> pages;
  std::vector<std::int64_t> slots, rows;
  for (std::int64_t i = 0; i < batch.count; ++i) {
    const AttentionSegment& segment = batch.segments[i];
    for (std::int64_t row = 0; row < segment.rows; ++row) {
      const std::int64_t position = segment.first_position + row;
      pages.push_back(segment.pages[position / kPageTokens]);
      slots.push_back(position % kPageTokens);
      rows.push_back(segment.first_row + row);
    }
  }
  if (rows.empty()) return;
  const std::int64_t width = shape.kv_heads * shape.head_dim, last = *std::max_element(rows.begin(), rows.end());
  const PageIndex index = index_of(pages, batch.streams.page_bytes, memory_);
  const at::Tensor slot_list = memory_.list(std::move(slots)), row_list = memory_.list(std::move(rows));
  const auto append = [&](const PageStream& stream, const float* x, std::int64_t stride) {
    const at::Tensor all = memory_.view(x, {last + 1, width}, {stride, 1});
    PagedStream(stream, shape.row(), batch.streams.page_bytes, memory_)
        .write(all.index_select(0, row_list), index, slot_list);
  };
  append(batch.streams.keys, keys, key_stride);
  append(batch.streams.values, values, value_stride);
}

void TensorBackend::attention(const AttentionShape& shape, const AttentionBatch& batch, const float* queries,
                              std::int64_t query_stride, float* out, std::int64_t out_stride, Executor&) const {
  const std::int64_t width = shape.heads * shape.head_dim, together = shape.heads / shape.kv_heads;
  const std::size_t page_bytes = batch.streams.page_bytes;
  for (const Group& group : groups_of(batch, shape.kv_heads * shape.head_dim)) {
    const std::int64_t rows = group.rows(), length = group.pages * kPageTokens;
    const PageIndex index = index_of(page_list(group), page_bytes, memory_);
    // [sequences, kv_heads, length, head_dim]
    const auto heads_of = [&](const PageStream& stream) {
      return PagedStream(stream, shape.row(), page_bytes, memory_)
          .read(index)
          .view({group.count(), length, shape.kv_heads, shape.head_dim})
          .transpose(1, 2);
    };
    std::vector<std::int64_t> row_list, positions;
    for (const AttentionSegment* segment : group.segments) {
      for (std::int64_t row = 0; row < rows; ++row) {
        row_list.push_back(segment->first_row + row);
        positions.push_back(segment->first_position + row);
      }
    }
    const std::int64_t last = *std::max_element(row_list.begin(), row_list.end());
    const at::Tensor list = memory_.list(std::move(row_list)), own = memory_.list(std::move(positions));
    // [sequences, kv_heads, rows * heads of a group, head_dim]
    const at::Tensor q = memory_.view(queries, {last + 1, width}, {query_stride, 1})
                             .index_select(0, list)
                             .view({group.count(), rows, shape.kv_heads, together, shape.head_dim})
                             .permute({0, 2, 1, 3, 4})
                             .flatten(2, 3);
    const at::Tensor positions_of_keys = at::arange(length, own.options()).unsqueeze(0);
    at::Tensor unseen = positions_of_keys > own.unsqueeze(1);  // [all rows, length]
    if (shape.window > 0) unseen = unseen.logical_or(positions_of_keys <= own.unsqueeze(1) - shape.window);
    const at::Tensor hidden = unseen.view({group.count(), 1, rows, 1, length});
    const at::Tensor scores = (at::matmul(q, heads_of(batch.streams.keys).transpose(-1, -2)) * shape.scale)
                                  .unflatten(2, {rows, together})
                                  .masked_fill(hidden, -std::numeric_limits<double>::infinity())
                                  .flatten(2, 3);
    const at::Tensor found = at::matmul(at::softmax(scores, -1), heads_of(batch.streams.values))
                                 .unflatten(2, {rows, together})
                                 .permute({0, 2, 1, 3, 4})
                                 .reshape({group.count() * rows, width});
    memory_.view(out, {last + 1, width}, {out_stride, 1}).index_copy_(0, list, found);
  }
}

}  // namespace qreason
