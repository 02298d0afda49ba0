// A checkpoint whose tensors are looked at on their way out: none with a NaN or an infinity reaches a model.
#pragma once

#include <memory>

#include "base/parallel.h"
#include "checkpoint/checkpoint.h"

namespace qreason {

// Every tensor is checked once, when it is first asked for (model/finite.h), by `pool` where there is one. Errors name
// file and tensor.
std::unique_ptr<Checkpoint> with_finite_tensors(std::unique_ptr<Checkpoint> checkpoint, ThreadPool* pool);

// Asks for all tensors of the model, so that work of hours does not end at its last block.
void check_all_tensors(const Checkpoint& checkpoint);

}  // namespace qreason
