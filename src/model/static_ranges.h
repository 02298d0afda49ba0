// Scales and zero points that are known before the rows: one of each a channel (KVQuant*, methods.md section 6), or one
// of each for all (static inputs and caches of compressed-tensors, checkpoint_formats.md sections 3.3 and 3.4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/quant_format.h"
#include "kernels/buffer.h"
#include "kernels/executor.h"

namespace qreason {

class StaticRanges {
 public:
  // Errors, naming `where` and the channel: a scale that is not positive; a zero point that is no whole number, or is
  // not 0 in a symmetric format or one of floats. Scales and zero points are equally many, and finite. They are kept in
  // the backend's memory.
  StaticRanges(const QuantFormat& format, const std::vector<float>& scales, const std::vector<float>& zeros,
               const std::string& where, const Backend& backend = host_backend());
  // One of each for all of `width` channels.
  StaticRanges(const QuantFormat& format, float scale, float zero, std::int64_t width, const std::string& where,
               const Backend& backend = host_backend());

  // Rounds rows [count, channels] in place: channel c of every row with the c-th scale and zero point.
  void quantize_dequantize(float* rows, std::int64_t count, Executor& executor) const;
  std::uint64_t bytes() const { return scales_.bytes() + zeros_.bytes(); }

 private:
  QuantFormat format_;
  Buffer<float> scales_, zeros_;
};

}  // namespace qreason
