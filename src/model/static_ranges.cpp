#include "model/static_ranges.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "formats/reference_quantizer.h"

namespace qreason {

StaticRanges::StaticRanges(const QuantFormat& format, std::vector<float> scales, std::vector<float> zeros,
                           const std::string& where)
    : format_(format), scales_(std::move(scales)), zeros_(std::move(zeros)) {
  const bool symmetric = format.symmetry == Symmetry::kSymmetric;
  for (std::size_t channel = 0; channel < scales_.size(); ++channel) {
    if (!(scales_[channel] > 0)) {
      throw Error(where, fmt::format("the scale {} at {}", scales_[channel], channel), "a positive one");
    }
    const float zero = zeros_[channel];
    if (zero != std::rint(zero) || (symmetric && zero != 0)) {
      throw Error(where, fmt::format("the zero point {} at {}", zero, channel),
                  symmetric ? "0 in a symmetric format" : "a whole number");
    }
  }
}

void StaticRanges::quantize_dequantize(float* rows, std::int64_t count, Executor& executor) const {
  const std::size_t width = scales_.size();
  executor.run(count, [&](std::int64_t row) {
    float* values = rows + static_cast<std::size_t>(row) * width;
    for (std::size_t channel = 0; channel < width; ++channel) {
      const GroupParameters parameters{.scale = scales_[channel], .zero = zeros_[channel]};
      values[channel] = decode(encode(values[channel], parameters, format_), parameters, format_);
    }
  });
}

}  // namespace qreason
