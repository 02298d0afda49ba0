// x W^T with its gradients, float32 on the processor, by the kernels: half the time of a general library's on some
// machines, and the same bits with any number of threads. Everything else takes plain tensor operations.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/executor.h"

namespace qreason {

// x [.., in], weights [out, in] -> [.., out]; `executor` outlives the gradients.
at::Tensor linear_product(const at::Tensor& x, const at::Tensor& weights, Executor& executor);

}  // namespace qreason
