// The trained quantizers of learned_quantizer.h for float32 on the processor: the same functions and gradients, in one
// pass over the numbers forward and one backward where plain tensor operations take a dozen. Results do not depend on
// the number of threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "formats/quant_format.h"
#include "kernels/executor.h"

namespace qreason {

bool can_fuse(const at::Tensor& x);

// In parallel on an executor, which outlives the gradients, or, null, on the caller's thread alone.
// Clip ratios [groups], one a run of the row, or [1].
at::Tensor fused_quantize(const at::Tensor& x, const QuantFormat& format, std::int64_t run, const at::Tensor& max_ratio,
                          const at::Tensor& min_ratio, Executor* executor);
// weights [out, shards, columns], ratios [out, shards, 1].
at::Tensor fused_clip(const at::Tensor& weights, const at::Tensor& max_ratio, const at::Tensor& min_ratio,
                      Executor* executor);
at::Tensor fused_quantize_weights(const at::Tensor& weights, const QuantFormat& format, Executor* executor);

}  // namespace qreason
