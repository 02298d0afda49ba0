// Moves outlier channels from the inputs of q, k, v and of gate, up into their weights (SmoothQuant, Xiao et al. 2023,
// equation 4; methods.md, section 8). With the largest |x_j| of channel j, as measure_channels found it, and w_j, the
// largest |W_ij| over the linears that read the norm,
//
//     s_j = max(x_j^alpha / max(w_j, 1e-5)^(1 - alpha), 1e-5)      gain' = gain / s      W' = W diag(s)
//
// in float64, rounded to float32. The model computes the same function.
#pragma once

#include "quantize/pass.h"

namespace qreason {

PassPointer smooth_norms(double alpha);  // 0 to 1; usage Error else
PassPointer read_smooth_norms(ParameterReader& parameters);

// The scales s of the linears that read `norm_site`, kAttentionInput or kMlpInput, of one block.
std::vector<double> smoothing_scales(const WeightSource& source, std::int64_t layer, Site norm_site,
                                     const std::vector<float>& maxima, double alpha);

}  // namespace qreason
