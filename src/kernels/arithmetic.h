// The class of arithmetic that an executor's kernels compute in.
#pragma once

#include "base/numerics.h"
#include "kernels/executor.h"

namespace qreason {

// One for all products, whatever their number of rows.
constexpr Arithmetic arithmetic_of(const Executor& /*executor*/) {
  return Arithmetic::kPortable;  // of every instruction set of the processor
}

}  // namespace qreason
