// Measures what static ranges of keys need: the smallest and largest value of every channel of the keys before RoPE,
// biases included, over all tokens of the calibration sequences, in the float model (KVQuant, Hooper et al. 2024;
// methods.md, section 6). Kept as key_minima_name(layer) and key_maxima_name(layer). A key that is not finite is an
// Error naming block and channel.
#pragma once

#include "quantize/pass.h"

namespace qreason {

PassPointer measure_keys();
PassPointer read_measure_keys(ParameterReader& parameters);

}  // namespace qreason
