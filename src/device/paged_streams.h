// Streams of cache pages on a device: the same bytes a position as kernels/page_stream.h counts, in an order of their
// own. A stream holds its positions one behind another: the numbers of all heads, or their packed codes; behind the
// codes of all positions the scales, then the zero points.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "device/device_memory.h"
#include "kernels/attention.h"

namespace qreason {

// Where pages lie: in slabs of pages one behind another.
struct PageIndex {
  struct Part {
    DeviceMemory::Region slab;
    at::Tensor pages;  // int64: numbers of pages in the slab
    at::Tensor where;  // int64: their places in the list that was asked for; undefined where the slab has them all
  };
  std::vector<Part> parts;
  std::int64_t count = 0;
};
PageIndex index_of(const std::vector<const std::byte*>& pages, std::size_t page_bytes, const DeviceMemory& memory);

class PagedStream {
 public:
  PagedStream(const PageStream& stream, PageRow row, std::size_t page_bytes, const DeviceMemory& memory);

  // rows [n, kv_heads * head_dim] into the slots (int64 [n] of 0 to 15) of n pages.
  void write(const at::Tensor& rows, const PageIndex& pages, const at::Tensor& slots) const;
  // float32 [pages, kPageTokens, kv_heads * head_dim].
  at::Tensor read(const PageIndex& pages) const;

 private:
  // Numbers that every position has somewhere in the stream.
  struct Field {
    std::size_t offset = 0;  // bytes from the stream's start
    std::int64_t width = 0;
    at::ScalarType type = at::kFloat;
  };
  Field code_field() const;
  Field scale_field() const;
  Field zero_field() const;
  at::Tensor view(const DeviceMemory::Region& slab, const Field& field) const;  // [pages, kPageTokens, width]
  at::Tensor gather(const PageIndex& pages, const Field& field) const;
  void scatter(const at::Tensor& rows, const PageIndex& pages, const at::Tensor& slots, const Field& field) const;

  PageStream stream_;
  PageRow row_;
  CodedStream coded_;  // of a stream of codes
  std::size_t page_bytes_;
  const DeviceMemory& memory_;
};

}  // namespace qreason
