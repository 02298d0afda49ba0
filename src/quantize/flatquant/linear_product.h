// x W^T of weights that are made from other tensors, with the gradients of x and of those. The weights are in memory,
// and then their gradient, only while this works: they are made once forward and once more backward.
//
// float32 on the processor is computed by the kernels: half the time of a general library's on some machines, and the
// same bits with any number of threads. Everything else takes plain tensor operations.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "kernels/executor.h"

namespace qreason {

// [out, in] from `parts`, differentiable in them, and the same whenever it is called.
using WeightMaker = std::function<at::Tensor(const std::vector<at::Tensor>& parts)>;

// x [.., in] -> [.., out]; what `make` refers to and `executor` outlive the gradients.
at::Tensor linear_product(const at::Tensor& x, const WeightMaker& make, const std::vector<at::Tensor>& parts,
                          Executor& executor);

}  // namespace qreason
