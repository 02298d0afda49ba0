// Bias correction (Nagel et al. 2019, section 4.2, with calibration data): the mean over all calibration tokens of what
// a linear computes is put back to that of the float model,
//
//     b' = b + W mean(x) - Q mean(x'),
//
// x being its inputs in the float model and x' those in the model as it was rounded. Site after site, each on inputs
// that the corrections before have changed already. Only linears that were rounded and have a bias; a model with none
// is refused.
#pragma once

#include "quantize/pass.h"

namespace qreason {

PassPointer correct_biases();
PassPointer read_correct_biases(ParameterReader& parameters);

}  // namespace qreason
