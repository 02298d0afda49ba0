// The check that a model's numbers are numbers: one NaN or infinity spoils every logit, and what is made of it.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "base/parallel.h"
#include "model/weights.h"

namespace qreason {

// An Error naming `where` and the first index ("nan at [3, 17]") when a value of the tensor is a NaN or an infinity.
// Float32, bfloat16 and float16 are read in place, at the speed of the memory; other types hold neither. Without a pool
// the caller's thread reads all.
void require_finite(const at::Tensor& tensor, const std::string& where, ThreadPool* pool);

// The same of a linear: its dense matrix and its bias. `where` is completed by ".weight" or ".bias". Codes and scales
// were looked at when they were read (validate, formats/quantized_matrix.h).
void require_finite(const LinearWeight& weight, const std::string& where, ThreadPool* pool);

}  // namespace qreason
