// Pages of the key/value cache: kPageTokens positions of every layer. A layer's part of a page is two streams, its keys
// and its values, each in float32 or in the codes of a number format.
//
// float32:
//   keys    [kv_heads, head_dim, kPageTokens]   (transposed: sixteen keys are scored side by side)
//   values  [kv_heads, kPageTokens, head_dim]
//
// Codes, at the width of the format (2 to 8 bits; small floats as bit patterns). A row is what one position has for one
// head: its codes packed as formats/packing.h does it, in `row_bytes`, a whole number of units of 8 codes; what is left
// of the last unit is zeros.
//   keys    [kv_heads, row_bytes, kPageTokens]   (byte i of sixteen rows side by side, for the same reason)
//   values  [kv_heads, kPageTokens, row_bytes]
// and, of either, behind the codes
//   scales  [runs, kPageTokens]   as their type stores them (formats/scale_codec.h)
//   zeros   [runs, kPageTokens]   bytes, in asymmetric integer formats alone; in symmetric ones a zero point is the
//   code
//                                 offset, in floats 0
// A run is as many numbers of a position as share a scale: all of them (per token), a head's, or a group of a head's.
//   value = scale * (element(code) - zero)     in float32, what quantize-dequantize of the row gives, bit for bit
//   (element: formats/quantized_matrix.h)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "formats/quant_format.h"
#include "kernels/row_quantizer.h"

namespace qreason {

inline constexpr std::int64_t kPageTokens = 16;

// What a position has in a stream.
struct PageRow {
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
};

struct PageStream {
  std::size_t offset = 0;             // bytes from the start of the page, a multiple of 16
  std::optional<QuantFormat> format;  // of the codes; none: float32
  RangeClips clips = {};              // for append_key_values
};

// One layer's.
struct PageStreams {
  PageStream keys;
  PageStream values;
  std::size_t page_bytes = 0;  // of the pages that they lie in, side by side in slabs; for backends that count pages
};

// Where the parts of a stream of codes lie. Behind the codes are at least kPageTokens bytes more, so that kernels may
// read sixteen bytes from any unit on.
struct CodedStream {
  std::int64_t row_bytes = 0;
  std::int64_t run = 0;    // numbers
  std::int64_t runs = 0;   // of a position
  std::size_t scales = 0;  // bytes from the start of the stream; it begins with the codes
  std::size_t zeros = 0;   // of the zero points, where there are any
  std::size_t bytes = 0;
};

// An Error for a granularity other than per head, token or token and group, and for groups that do not divide the head.
CodedStream coded_stream(PageRow row, const QuantFormat& format);

// Bytes of a stream of codes, or of float32.
std::size_t stream_bytes(PageRow row, const std::optional<QuantFormat>& format = std::nullopt);

// Whether every run has a zero point of its own.
bool has_zeros(const QuantFormat& format);

}  // namespace qreason
