// How large the checkpoint of a plan will be, from the model's outline alone.
#pragma once

#include "model/plan.h"
#include "quantize/model_outline.h"

namespace qreason {

// Bytes of tensors, file headers, index and report (checkpoint/native.h), without copied files. Off by the group_index
// of GPTQ's dynamic groups under act-order (4 bytes a column). In double, which holds what a hostile config could
// overflow.
double checkpoint_bytes(const ModelOutline& outline, const ModelPlan& plan);

// Bytes of a rounded linear's matrix: codes, a row ending at a byte; scales; zero points. Not its bias, which is there
// unrounded too.
std::int64_t stored_bytes(const LinearShape& shape, const QuantFormat& format);

double bytes_of(StoredType type);  // 4 or 2

}  // namespace qreason
