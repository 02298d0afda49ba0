#include "kernels/page_stream.h"

#include <fmt/format.h>

#include "base/error.h"
#include "formats/scale_codec.h"

namespace qreason {
namespace {

constexpr std::int64_t kUnit = 8;  // codes: `bits` whole bytes

std::int64_t run_of(PageRow row, const QuantFormat& format) {
  switch (format.granularity) {
    case Granularity::kToken:
      return row.kv_heads * row.head_dim;
    case Granularity::kHead:
      return row.head_dim;
    case Granularity::kTokenGroup:
      if (format.group_size > 0 && row.head_dim % format.group_size == 0) return format.group_size;
      throw Error("key/value cache", fmt::format("groups of {} in heads of {}", format.group_size, row.head_dim),
                  "a group size that divides the head");
    case Granularity::kTensor:
    case Granularity::kChannel:
    case Granularity::kGroup:
      break;
  }
  throw Error("key/value cache", to_string(format), "a format per head, token or token and group");
}

}  // namespace

bool has_zeros(const QuantFormat& format) {
  return format.kind == NumberKind::kInteger && format.symmetry == Symmetry::kAsymmetric;
}

CodedStream coded_stream(PageRow row, const QuantFormat& format) {
  CodedStream stream;
  stream.row_bytes = (row.head_dim + kUnit - 1) / kUnit * format.bits;
  stream.run = run_of(row, format);
  stream.runs = row.kv_heads * row.head_dim / stream.run;
  const auto parameters = static_cast<std::size_t>(stream.runs * kPageTokens);
  stream.scales = static_cast<std::size_t>(row.kv_heads * kPageTokens * stream.row_bytes);
  stream.zeros = stream.scales + parameters * scale_bytes(format.scale_type);
  stream.bytes = stream.zeros + (has_zeros(format) ? parameters : 0);
  return stream;
}

std::size_t stream_bytes(PageRow row, const std::optional<QuantFormat>& format) {
  if (format) return coded_stream(row, *format).bytes;
  return static_cast<std::size_t>(row.kv_heads * row.head_dim * kPageTokens) * sizeof(float);
}

}  // namespace qreason
