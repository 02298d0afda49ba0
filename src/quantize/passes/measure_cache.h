// Measures what a static range of the cache needs: the largest |x| of every channel of the keys after RoPE and of the
// values, over all tokens of the calibration sequences, in the float model. Kept as channel_maxima_name(layer, "key")
// and channel_maxima_name(layer, "value").
#pragma once

#include "quantize/pass.h"

namespace qreason {

PassPointer measure_cache();
PassPointer read_measure_cache(ParameterReader& parameters);

}  // namespace qreason
