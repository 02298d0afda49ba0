// Activation-aware weight quantization (AWQ, Lin et al. 2024; methods.md, section 4), its second half: ranges of groups
// cut so that what the group adds to the output changes least.
//
// For i = 0, 1, .. a group w of a row is clamped to +-max|w| (1 - i / steps) as long as i / steps is below
// largest_shrink, rounded to w', and judged by the mean of (x (w - w'))^2 over some calibration tokens, x being the
// group's share of the inputs: (w - w') G (w - w')^T with the group's block G of the inputs' Gram matrix. The first
// strictly smallest error wins. All linears of a block are searched on the inputs of the block without any clamped.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "formats/quant_format.h"
#include "quantize/block_visit.h"

namespace qreason {

struct ClipSearch {
  std::int64_t steps = 20;
  double largest_shrink = 0.5;
  std::int64_t tokens = 512;  // about so many, one every max(1, all / tokens)

  std::int64_t tries() const;  // 1 + the shrunk ranges
};

// Rows of a site, one every `stride` tokens of all sequences laid end to end, from the first on.
struct SampledRows {
  std::int64_t count = 0, width = 0;
  at::Tensor values;  // [count, width], contiguous, where the walk computes
};
SampledRows sample_rows(BlockView& block, Site site, std::int64_t tokens);

struct GroupClips {
  std::int64_t rows = 0, groups = 0, group_size = 0;
  std::vector<float> bounds;       // [rows, groups]: the largest magnitude that stays
  std::int64_t shrunk = 0;         // groups cut below their largest magnitude
  std::int64_t zero_groups = 0;    // of nothing but zeros
  std::int64_t failed_groups = 0;  // without a finite error: left as they are
};

// weights [rows, inputs.width], rounded to `format`, per channel or per group, some rows at a time, on the host. Inputs
// or weights that are not finite are an Error.
GroupClips search_clips(std::span<const float> weights, const SampledRows& inputs, const QuantFormat& format,
                        const ClipSearch& search, Executor& executor);

// Clamps the weights to the bounds.
void clamp_groups(std::span<float> weights, const GroupClips& clips, Executor& executor);

}  // namespace qreason
