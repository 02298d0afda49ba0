// The weights as the published GPTQ loop holds them when the columns before `begin` are rounded.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/executor.h"
#include "quantize/gptq_factor.h"

namespace qreason {

// The feedback form (quantize/gptq_factor.h) holds S_j = sum_{i<begin} (w_i - q_i) F_ij for the columns j >= begin,
// which is the published loop's update only for the column rounded next. For the columns [begin, end) together, with
// errors E of the rounded columns C and the rest R, the published loop holds the optimal compensation
//     W_R = w_R + E H_CR inverse(H_RR) = w_R + S inverse(F_RR),
// a triangular solve, also where asymmetric calibration (quantize/gptaq.h) has added w_i A_ij of those columns to S.
// Scales of dynamic groups are found on these.
struct PropagationInput {
  const float* original = nullptr;  // [rows, columns], rounding order
  const float* work = nullptr;      // [rows, columns]: original + S
  std::int64_t rows = 0;
  std::int64_t begin = 0, end = 0;
};
// Returns [rows, end - begin].
std::vector<float> propagated_weights(const GptqFactor& factor, const PropagationInput& input, Executor& executor);

}  // namespace qreason
