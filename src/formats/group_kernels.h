// The inner loops of rounding whole matrices, one translation unit per instruction set. All give the same bits as the
// reference quantizer: the search runs over steps side by side, so that each step's error is still summed up in the
// order of the group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "formats/reference_quantizer.h"

namespace qreason {

// Candidates of the search as the kernels want them; a scale of 0 stands for none.
struct SearchCandidates {
  alignas(64) float scales[kSearchSteps];
  alignas(64) float zeros[kSearchSteps];
};

struct CodeRange {
  float lowest = 0.0f;
  float highest = 0.0f;
};

struct GroupKernels {
  const char* name;
  // Smallest and largest value; false when one is not finite (the range is then undefined). count >= 1.
  bool (*range)(const float* values, std::size_t count, Range* range);
  // The first step with the smallest finite error, -1 for none.
  int (*search)(const float* values, std::size_t count, const SearchCandidates& candidates, CodeRange codes);
  // clip(round(v / scale) + zero, codes) + offset; zero in 0..255.
  void (*encode)(const float* values, std::size_t count, GroupParameters parameters, CodeRange codes, int offset,
                 std::uint8_t* out);
  // scale * (code - zero), the codes as encode wrote them and the zero with the offset in it.
  void (*decode)(const std::uint8_t* codes, std::size_t count, GroupParameters parameters, float* out);
};

// Those of the instruction set in use (base/isa.h).
const GroupKernels& group_kernels();

// find_parameters and encode (offset added) of a whole group, through the kernels given. Integer formats.
GroupParameters find_parameters_with(const GroupKernels& kernels, std::span<const float> group,
                                     const QuantFormat& format);
// The same with clip ratios in place of the format's, an integer format under the token-range rule without a search.
GroupParameters clipped_parameters_with(const GroupKernels& kernels, std::span<const float> group, ClipRatios clip,
                                        const QuantFormat& format);
void encode_with(const GroupKernels& kernels, std::span<const float> group, GroupParameters parameters,
                 const QuantFormat& format, std::uint8_t* out);

// The codes of a whole group and its parameters, under clip ratios of its own where there are any, as they are stored:
// integers unsigned, with the code offset in them and in the zero point; small floats as bit patterns. What `scale *
// (element(code) - zero)` gives is quantize_dequantize. `global_scale`: find_parameters.
GroupParameters encode_group(const GroupKernels& kernels, std::span<const float> group, const QuantFormat& format,
                             std::optional<ClipRatios> clip, std::uint8_t* out, float global_scale = 1.0f);

}  // namespace qreason
