// Weights as the decoder holds them: packed for the matrix product, in the compute type that was asked for.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "kernels/packed_matrix.h"
#include "model/weights.h"

namespace qreason {

// float32 keeps every stored value exactly; bfloat16 rounds dense weights to it (nearest, ties to even: half the
// memory); kAuto is the stored type's own (bfloat16 stays, float32 and float16 are held as float32).
enum class ComputeType { kAuto, kFloat32, kBFloat16 };

struct Linear {
  PackedMatrix weight;
  std::vector<float> bias;  // empty when there is none
};

// `where` names the tensor in errors. Dense tensors must be float32, bfloat16 or float16, [rows, columns]. Panels are
// laid out by `pool`, or by the caller's thread.
PackedMatrix pack_dense(const at::Tensor& matrix, ComputeType type, const std::string& where,
                        ThreadPool* pool = nullptr);
PackedMatrix pack_weight(const LinearWeight& weight, ComputeType type, const std::string& where,
                         ThreadPool* pool = nullptr);

// A vector (norm gain, bias) in float32, with its length checked.
std::vector<float> float_vector(const at::Tensor& tensor, std::int64_t size, const std::string& where);

}  // namespace qreason
