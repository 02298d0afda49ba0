#include "device/paged_streams.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/frexp.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ldexp.h>
#include <ATen/ops/ones_like.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "device/tensor_codes.h"

namespace qreason {
namespace {

constexpr int kE8M0Bias = 127;

at::ScalarType stored_type(ScaleType type) {
  switch (type) {
    case ScaleType::kFloat32:
      return at::kFloat;
    case ScaleType::kFloat16:
      return at::kHalf;
    case ScaleType::kBFloat16:
      return at::kBFloat16;
    case ScaleType::kE8M0:
    case ScaleType::kE4M3:
      return at::kByte;
  }
  throw Error("key/value cache", "a scale of no known type", "one that is known");
}

// Scales are numbers of their type already: nothing is rounded.
at::Tensor stored_scales(const at::Tensor& scales, ScaleType type) {
  if (type == ScaleType::kE4M3) return scales.to(at::kFloat8_e4m3fn).view(at::kByte);
  if (type == ScaleType::kE8M0) return (std::get<1>(at::frexp(scales)) + (kE8M0Bias - 1)).to(at::kByte);
  return scales.to(stored_type(type));
}

at::Tensor loaded_scales(const at::Tensor& stored, ScaleType type) {
  if (type == ScaleType::kE4M3) return stored.view(at::kFloat8_e4m3fn).to(at::kFloat);
  if (type != ScaleType::kE8M0) return stored.to(at::kFloat);
  const at::Tensor power = stored.to(at::kInt) - kE8M0Bias;
  return at::ldexp(at::ones_like(power, at::TensorOptions().dtype(at::kFloat)), power);
}

}  // namespace

PageIndex index_of(const std::vector<const std::byte*>& pages, std::size_t page_bytes, const DeviceMemory& memory) {
  struct Found {
    DeviceMemory::Region slab;
    std::vector<std::int64_t> pages, where;
  };
  std::map<const std::byte*, Found> slabs;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    auto found = slabs.upper_bound(pages[i]);
    const bool known =
        found != slabs.begin() && pages[i] < std::prev(found)->second.slab.start + std::prev(found)->second.slab.bytes;
    if (known) {
      --found;
    } else {
      const DeviceMemory::Region slab = memory.region_of(pages[i]);
      found = slabs.emplace(slab.start, Found{.slab = slab, .pages = {}, .where = {}}).first;
    }
    found->second.pages.push_back((pages[i] - found->first) / static_cast<std::ptrdiff_t>(page_bytes));
    found->second.where.push_back(static_cast<std::int64_t>(i));
  }
  PageIndex index{.parts = {}, .count = static_cast<std::int64_t>(pages.size())};
  for (auto& [start, found] : slabs) {
    at::Tensor where;
    if (slabs.size() > 1) where = memory.list(std::move(found.where));
    index.parts.push_back({.slab = found.slab, .pages = memory.list(std::move(found.pages)), .where = where});
  }
  return index;
}

PagedStream::PagedStream(const PageStream& stream, PageRow row, std::size_t page_bytes, const DeviceMemory& memory)
    : stream_(stream), row_(row), page_bytes_(page_bytes), memory_(memory) {
  if (stream.format) coded_ = coded_stream(row, *stream.format);
}

PagedStream::Field PagedStream::code_field() const {
  if (!stream_.format) return {.offset = 0, .width = row_.kv_heads * row_.head_dim, .type = at::kFloat};
  return {.offset = 0, .width = row_.kv_heads * coded_.row_bytes, .type = at::kByte};
}

PagedStream::Field PagedStream::scale_field() const {
  return {.offset = coded_.scales, .width = coded_.runs, .type = stored_type(stream_.format->scale_type)};
}

PagedStream::Field PagedStream::zero_field() const {
  return {.offset = coded_.zeros, .width = coded_.runs, .type = at::kByte};
}

at::Tensor PagedStream::view(const DeviceMemory::Region& slab, const Field& field) const {
  const auto pages = static_cast<std::int64_t>(slab.bytes / page_bytes_);
  const auto page = static_cast<std::int64_t>(page_bytes_ / c10::elementSize(field.type));
  return memory_.view(slab.start + stream_.offset + field.offset, {pages, kPageTokens, field.width},
                      {page, field.width, 1}, field.type);
}

at::Tensor PagedStream::gather(const PageIndex& pages, const Field& field) const {
  if (pages.parts.size() == 1) return view(pages.parts.front().slab, field).index_select(0, pages.parts.front().pages);
  at::Tensor all = at::empty({pages.count, kPageTokens, field.width},
                             at::TensorOptions().dtype(field.type).device(memory_.device()));
  for (const PageIndex::Part& part : pages.parts) {
    all.index_copy_(0, part.where, view(part.slab, field).index_select(0, part.pages));
  }
  return all;
}

void PagedStream::scatter(const at::Tensor& rows, const PageIndex& pages, const at::Tensor& slots,
                          const Field& field) const {
  for (const PageIndex::Part& part : pages.parts) {
    const bool all = !part.where.defined();
    at::Tensor target = view(part.slab, field);
    target.index_put_({part.pages, all ? slots : slots.index_select(0, part.where)},
                      all ? rows : rows.index_select(0, part.where));
  }
}

void PagedStream::write(const at::Tensor& rows, const PageIndex& pages, const at::Tensor& slots) const {
  if (!stream_.format) return scatter(rows, pages, slots, code_field());
  const QuantFormat& format = *stream_.format;
  RunClips clips;
  if (stream_.clips.low != nullptr) {
    // A row of learned clips is a head, or all of a position where runs are groups.
    const std::int64_t count = format.granularity == Granularity::kHead ? 1 : coded_.runs;
    clips = {.low = memory_.view(stream_.clips.low, {count, 1}), .high = memory_.view(stream_.clips.high, {count, 1})};
  }
  const RunCodes found = encode_runs(rows.unflatten(1, {coded_.runs, coded_.run}), format,
                                     stream_.clips.low == nullptr ? nullptr : &clips);
  const at::Tensor heads = found.codes.flatten(1).unflatten(1, {row_.kv_heads, row_.head_dim});
  scatter(pack_codes(heads, format.bits).flatten(1), pages, slots, code_field());
  scatter(stored_scales(found.scale.flatten(1), format.scale_type), pages, slots, scale_field());
  if (has_zeros(format)) scatter(found.zero.flatten(1).to(at::kByte), pages, slots, zero_field());
}

at::Tensor PagedStream::read(const PageIndex& pages) const {
  const at::Tensor stored = gather(pages, code_field());
  if (!stream_.format) return stored;
  const QuantFormat& format = *stream_.format;
  const at::Tensor heads = stored.unflatten(-1, {row_.kv_heads, coded_.row_bytes});
  const at::Tensor codes = unpack_codes(heads, row_.head_dim, format.bits).flatten(-2);
  const at::Tensor scales = loaded_scales(gather(pages, scale_field()), format.scale_type).unsqueeze(-1);
  const int offset = format.kind == NumberKind::kInteger ? format.code_offset() : 0;
  const at::Tensor zeros = has_zeros(format) ? gather(pages, zero_field()).to(at::kFloat).unsqueeze(-1)
                                             : at::full({}, offset, scales.options());
  return decode_runs(codes.unflatten(-1, {coded_.runs, coded_.run}), scales, zeros, format.kind).flatten(-2);
}

}  // namespace qreason
