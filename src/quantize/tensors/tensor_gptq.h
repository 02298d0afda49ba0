// GPTQ in tensor operations, for devices of libtorch's: the formulas of quantize/gptq_factor.h and quantize/gptaq.h
// with the recoveries written there, statistics and factors in the device's memory. Nothing waits for the device but a
// factorization, for whether it worked, and a linear's codes.
//
// Sums are in the order of the device's library: codes at a border may differ from those of the kernels, and what
// follows from them.
#pragma once

#include <memory>

#include "quantize/gptq_solver.h"

namespace qreason {

std::unique_ptr<GptqSolver> tensor_gptq(const GptqProblem& problem, at::Device device);

}  // namespace qreason
