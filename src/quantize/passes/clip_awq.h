// Cuts the ranges of groups where that changes less of what they add to the output (AWQ, Lin et al. 2024;
// quantize/awq_clips.h), and clamps the weights to them. On the inputs that the block has when the pass comes, those of
// the float model; for the formats that the recipe's rounding passes give the linears. Queries and keys are left out as
// in the published method: their product is what counts, not each alone.
#pragma once

#include "quantize/awq_clips.h"
#include "quantize/pass.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {

struct AwqClipping {
  ClipSearch search;
  LinearSet linears{LinearSlot::kV, LinearSlot::kO, LinearSlot::kGate, LinearSlot::kUp, LinearSlot::kDown};
};

PassPointer clip_awq(const AwqClipping& clipping);
PassPointer read_clip_awq(ParameterReader& parameters);

}  // namespace qreason
