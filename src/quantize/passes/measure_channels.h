// Measures what smoothing needs: the largest |x| of every channel at the four sites that linears read, over all tokens
// of the calibration sequences, in the float model (methods.md, section 8). Kept as channel_maxima_name(layer, site).
#pragma once

#include "quantize/block_visit.h"
#include "quantize/pass.h"

namespace qreason {

PassPointer measure_channels();
// The largest |x| of every channel at a tap of a block.
std::vector<float> channel_maxima(BlockView& block, Tap tap);
PassPointer read_measure_channels(ParameterReader& parameters);

}  // namespace qreason
