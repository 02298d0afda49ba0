// FlatQuant's quantizers as they are trained (arXiv 2410.09426; methods.md, section 10): rounding is straight-through,
// gradients flow through scales and clip ratios, and not through zero points. In plain tensor operations, of any type
// on any device; float32 on the processor takes the fused ones of fused_quantizer.h, in parallel where
// there is an executor, which outlives the gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "formats/quant_format.h"
#include "kernels/executor.h"
#include "quantize/flatquant/flat_state.h"

namespace qreason {

// Rounds every run of `run` consecutive values of the last dimension as the token-range rule says, its ends times
// sigmoid(clip), one clip factor a run of the row or one for all. Equal ends share the gradient of a range's end.
at::Tensor quantize_learned(const at::Tensor& x, const QuantFormat& format, std::int64_t run, const LearnedClip& clip,
                            Executor* executor = nullptr);

// Weights [out, shards, columns / shards] between sigmoid(clip) times the ends of every run. The gradient of what is
// clipped goes to the clip factor and to the entry at the end of the run.
at::Tensor clip_learned(const at::Tensor& weights, const LearnedClip& clip, Executor* executor = nullptr);

// Rounds weights as the zero-range rule says, symmetric, every run [out, shards, :] on its own.
at::Tensor quantize_weights(const at::Tensor& weights, const QuantFormat& format, Executor* executor = nullptr);

}  // namespace qreason
