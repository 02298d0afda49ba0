// Codes of quantized numbers in tensor operations: the reference quantizer's (formats/reference_quantizer.h) as bytes,
// and bytes side by side at their own width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "formats/quant_format.h"
#include "model/tensor_quantizer.h"

namespace qreason {

// value = scale * (element(code) - zero) as QuantizedMatrix has it: symmetric integers are codes plus their offset,
// with the offset as zero point.
struct RunCodes {
  at::Tensor codes;        // uint8 [.., run]
  at::Tensor scale, zero;  // float32 [.., 1]
};
// Runs [.., run] with parameters of their own; clips as find_run_parameters takes them, or none, and its global scale.
RunCodes encode_runs(const at::Tensor& runs, const QuantFormat& format, const RunClips* clips = nullptr,
                     float global_scale = 1.0f);
// float32, in the kernels' order of operations.
at::Tensor decode_runs(const at::Tensor& codes, const at::Tensor& scale, const at::Tensor& zero, NumberKind kind);

// Bytes of `count` codes of so many bits: units of 8 codes in `bits` bytes, the last one filled up with zeros.
std::int64_t packed_bytes(std::int64_t count, int bits);
at::Tensor pack_codes(const at::Tensor& codes, int bits);                        // [.., count] -> [.., bytes]
at::Tensor unpack_codes(const at::Tensor& bytes, std::int64_t count, int bits);  // the inverse

}  // namespace qreason
