// The processor without products of codes: quantized rows are decoded to float32 before every product. What a plan
// means to the last bit of its rounding decisions is compared with golden numbers on it: in 4 bits a code flips where
// whole numbers and floats differ in their last bits near a tie, and everything behind it differs.
#pragma once

#include "kernels/cpu_backend.h"

namespace qreason::testing {

class DecodingBackend : public CpuBackend {
 public:
  bool is_code_product(const PackedMatrix&, const CodedInput&) const override { return false; }
};

}  // namespace qreason::testing
