// What views that scale channels share.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "model/weights.h"

namespace qreason {

// Views compute in float64 and round once, to float32. A float64 tensor, which no checkpoint has, stays one: the tests
// see the arithmetic of a whole model that way.
at::ScalarType view_type(const at::Tensor& stored);

// The matrix with column j times scales[j], multiplied in float64 and rounded once: exact for a bfloat16 or
// float16 matrix and scales that are such numbers. Some rows at a time, so that a head needs no float64 copy.
at::Tensor with_scaled_columns(const at::Tensor& matrix, const std::vector<double>& scales);

// Throws Error (usage) naming the pass where the model has online transforms, which scaled channels do not pass
// unchanged.
void require_no_transforms(const ModelPlan& plan, const char* pass);

// A norm gain or bias as doubles.
std::vector<double> doubles_of(const at::Tensor& vector);
// And back, as float32, or in the type of a view of `stored`.
at::Tensor float_tensor(const std::vector<double>& values);
at::Tensor vector_tensor(const std::vector<double>& values, const at::Tensor& stored);

}  // namespace qreason
