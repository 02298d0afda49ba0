// What rounds the rows of a site: a format, where they were learned the clip ratios of every group of a row, and where
// it was measured the global scale of NVFP4.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/quant_format.h"
#include "formats/reference_quantizer.h"

namespace qreason {

// Ratios by which the ends of the range of a row's group g are multiplied, in place of the format's (FlatQuant, arXiv
// 2410.09426, section 3.1); in the memory of a backend. Null: the format's own ratio.
struct RangeClips {
  const float* low = nullptr;   // [groups of a row]
  const float* high = nullptr;  // [groups of a row]

  // For the processor's kernels.
  std::optional<ClipRatios> of_group(std::int64_t group) const {
    if (low == nullptr) return std::nullopt;
    return ClipRatios{.low = low[group], .high = high[group]};
  }
};

// With clips the format is one of integers under the token-range rule, without a search.
struct RowQuantizer {
  QuantFormat format;
  RangeClips clips;
  float global_scale = 1.0f;  // find_parameters (formats/reference_quantizer.h)

  RowQuantizer(const QuantFormat& plain, RangeClips learned = {}, float global = 1.0f)
      : format(plain), clips(learned), global_scale(global) {}
};

}  // namespace qreason
