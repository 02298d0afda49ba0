#include "engine/next_token.h"

#include <vector>

#include "engine/sampler.h"

namespace qreason {
namespace {

bool has_penalties(const SamplingParameters& sampling) {
  return sampling.repetition_penalty != 1 || sampling.presence_penalty != 0 || sampling.frequency_penalty != 0;
}

void penalize(const Sequence& sequence, std::span<float> logits) {
  const SamplingParameters& sampling = sequence.sampling;
  if (sampling.repetition_penalty != 1) penalize_repetition(logits, sequence.tokens, sampling.repetition_penalty);
  if (sampling.presence_penalty != 0 || sampling.frequency_penalty != 0) {
    penalize_presence(logits, sequence.answer(), sampling.presence_penalty, sampling.frequency_penalty);
  }
}

}  // namespace

NextToken next_token(Sequence& sequence, std::span<float> logits) {
  std::vector<float> original;
  if (has_penalties(sequence.sampling)) {
    if (sequence.top_logprobs) original.assign(logits.begin(), logits.end());
    penalize(sequence, logits);
  }
  const std::int64_t index = sequence.generated();
  const std::int32_t drawn = sample_token(logits, sequence.sampling, sequence.key, static_cast<std::uint64_t>(index));
  NextToken next{.token = sequence.thought.take(drawn, index), .logprobs = std::nullopt};
  if (sequence.top_logprobs) {
    const std::span<const float> plain = original.empty() ? std::span<const float>(logits) : original;
    next.logprobs = log_probabilities(plain, next.token, *sequence.top_logprobs);
    next.logprobs->forced = sequence.thought.is_forced();
  }
  return next;
}

}  // namespace qreason
