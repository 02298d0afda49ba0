// The sums of the codes of a weight's outputs, padded to whole panels: int32 [panels, 16].
#pragma once

#include "base/parallel.h"
#include "formats/quantized_matrix.h"
#include "kernels/cpu/aligned_buffer.h"

namespace qreason {

AlignedBytes code_sums(const QuantizedMatrix& matrix, ThreadPool* pool);

}  // namespace qreason
