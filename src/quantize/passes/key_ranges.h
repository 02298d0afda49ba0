// Static ranges of keys from what measure_keys found, and whether keys are better rounded before their bias.
#pragma once

#include <vector>

#include "formats/reference_quantizer.h"
#include "model/plan.h"
#include "model/weights.h"
#include "quantize/statistics.h"

namespace qreason {

// Scale and zero point of every channel of the keys of a block (methods.md, section 6): of the measured range with 0
// inside, by the token-range rule. Where keys are rounded before the bias, the bias is taken from the range first. A
// channel whose keys are all 0 has the rule's range of such a group, -1 to 1. `source` has the biases.
std::vector<GroupParameters> key_parameters(const WeightSource& source, const SitePlan& keys, std::int64_t layer,
                                            const Statistics& statistics);

// Whether the bias of k_proj is large: in some block more than 8 times what a normed input gives, as root mean squares
// over the key's channels,
//
//     |b|^2 > 8^2 sum_ij (W_ij g_j)^2,        g the gain of the norm before the attention.
//
// The 0 in a static range then costs more than the keys themselves. Qwen2.5 models of 1.5B parameters have 88 in their
// first block, and 7B about 30 (|b| of 605 and 921 in their first and last); other blocks have 0.4 to 6. A model
// without biases has none that is large, nor has one whose keys pass a norm behind it.
bool has_large_key_bias(const WeightSource& source);

}  // namespace qreason
