// Unnormalized softmax weights of many logits at once: the part of sampling that touches the whole vocabulary.
#pragma once

#include <span>

namespace qreason {

// The largest logit; NaN when there is one.
float largest(std::span<const float> logits);

// weights[i] = exp((logits[i] - reference) * inverse_temperature), 0 below exp(-87); relative error under 3e-7.
// `reference` is the largest logit, so that no weight exceeds 1. NaN gives NaN. Plain multiplications and additions in
// one order: the same bits on every machine. Returns the sum (pieces of 1024 in float32, added in double).
double softmax_weights(std::span<const float> logits, float reference, float inverse_temperature,
                       std::span<float> weights);

}  // namespace qreason
