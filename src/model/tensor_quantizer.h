// The reference quantizer (formats/reference_quantizer.h) in tensor operations: any float type, any device, and
// differentiable. In float32 on the CPU it gives the same numbers bit for bit.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "formats/quant_format.h"

namespace qreason {

// Rounds every run of `run` consecutive values of the last dimension with parameters of its own: decode(encode(x)).
// The gradient is straight through (Bengio et al., arXiv 1308.3432): that of the identity. Errors: a format with an MSE
// search, a run that does not divide the dimension. `global_scale`: of E4M3 scales (formats/reference_quantizer.h).
at::Tensor quantize_dequantize(const at::Tensor& x, const QuantFormat& format, std::int64_t run,
                               float global_scale = 1.0f);

// The same with clip ratios for either end of the ranges in place of the format's, one of each a run: [runs].
struct RunClips {
  at::Tensor low, high;
};
at::Tensor quantize_dequantize(const at::Tensor& x, const QuantFormat& format, std::int64_t run, const RunClips& clips);

// The same with given parameters, which broadcast against x: integer formats with their zero points, float formats
// with zeros of 0.
at::Tensor quantize_dequantize(const at::Tensor& x, const QuantFormat& format, const at::Tensor& scale,
                               const at::Tensor& zero);

// Parameters of every run [.., run] by the format's rule, MSE search and clip ratio included: [.., 1] each. `zero` is 0
// for symmetric integers and float formats.
struct RunParameters {
  at::Tensor scale, zero;
};
RunParameters find_run_parameters(const at::Tensor& runs, const QuantFormat& format, float global_scale = 1.0f);
// With clip ratios in place of the format's, which broadcast against [.., 1]; formats without a search.
RunParameters find_run_parameters(const at::Tensor& runs, const QuantFormat& format, const RunClips& clips);

// Weights [rows, columns] rounded as round_to_nearest (formats/quantized_matrix.h) does, and decoded. Groups divide the
// columns; the MSE search takes powers and sums of its own, so that it may find another of two like candidates.
at::Tensor rounded_to_nearest(const at::Tensor& weights, const QuantFormat& format);

}  // namespace qreason
