// From logits to a token: temperature, top-k, top-p, then one number of a counter-based stream.
#pragma once

#include <cstdint>
#include <span>

#include "engine/engine.h"

namespace qreason {

// Greedy at temperature 0 (the first of equal maxima). Otherwise: keep the top_k largest (0 = all), softmax(logits /
// T), keep the smallest set of largest probabilities whose sum reaches top_p (at least one), renormalize, and draw with
// u in [0, 1) = philox(key, index). `index` is the position of the new token in the answer. Of equal logits the lower
// id counts as larger. Probabilities below exp(-87) of the largest are 0. Logits with a NaN or +infinity, or without
// any finite value, are an Error.
std::int32_t sample_token(std::span<const float> logits, const SamplingParameters& parameters, const SampleKey& key,
                          std::uint64_t index);

// Keskar et al., arXiv 1909.05858, as transformers and llama.cpp do it: the logit of each token that stands in `tokens`
// (prompt and answer), once however often it does, is divided by the penalty when positive and multiplied when
// negative.
void penalize_repetition(std::span<float> logits, std::span<const std::int32_t> tokens, double penalty);

// OpenAI's penalties, as vLLM has them: the logit of a token that stands n > 0 times in `answer` loses
// presence + n * frequency.
void penalize_presence(std::span<float> logits, std::span<const std::int32_t> answer, double presence,
                       double frequency);

// Of softmax(logits), summed up in double. The same errors as sample_token.
TokenLogprobs log_probabilities(std::span<const float> logits, std::int32_t taken, std::int64_t top);

}  // namespace qreason
