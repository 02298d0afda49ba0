// Folds the gain of every RMSNorm into the linears that read it, so that all gains are one (methods.md, section 9, step
// 1; Ashkboos et al. 2024, QuaRot, section 3): W' = W diag(gain) for q, k, v after the first norm of a block, gate and
// up after the second, the head after the last. A tied head is untied first: it becomes the embedding times the gain,
// while the embedding stays. Products in float64, rounded to float32: exact where the model is stored in 16 bits.
#pragma once

#include "quantize/pass.h"

namespace qreason {

PassPointer fold_norms();
PassPointer read_fold_norms(ParameterReader& parameters);

}  // namespace qreason
