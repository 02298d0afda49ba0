#include "model/static_ranges.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "kernels/rows.h"

namespace qreason {

StaticRanges::StaticRanges(const QuantFormat& format, const std::vector<float>& scales, const std::vector<float>& zeros,
                           const std::string& where, const Backend& backend)
    : format_(format), scales_(scales, backend), zeros_(zeros, backend) {
  const bool symmetric = format.symmetry == Symmetry::kSymmetric;
  for (std::size_t channel = 0; channel < scales.size(); ++channel) {
    if (!(scales[channel] > 0)) {
      throw Error(where, fmt::format("the scale {} at {}", scales[channel], channel), "a positive one");
    }
    const float zero = zeros[channel];
    if (zero != std::rint(zero) || (symmetric && zero != 0)) {
      throw Error(where, fmt::format("the zero point {} at {}", zero, channel),
                  symmetric ? "0 in a symmetric format" : "a whole number");
    }
  }
}

StaticRanges::StaticRanges(const QuantFormat& format, float scale, float zero, std::int64_t width,
                           const std::string& where, const Backend& backend)
    : StaticRanges(format, std::vector<float>(static_cast<std::size_t>(width), scale),
                   std::vector<float>(static_cast<std::size_t>(width), zero), where, backend) {}

void StaticRanges::quantize_dequantize(float* rows, std::int64_t count, Executor& executor) const {
  quantize_dequantize_channels(rows, count, {.scales = scales_.data(), .zeros = zeros_.data(), .width = scales_.size()},
                               format_, executor);
}

}  // namespace qreason
