// Requests of a small random model, and what becomes of them without an engine.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/engine.h"
#include "engine/sampler.h"
#include "kernels/backend.h"
#include "support/random_model.h"

namespace qreason::testing {

inline Request request(std::uint64_t number, std::int64_t max_tokens = 24) {
  return {.prompt = random_tokens(3 + static_cast<std::int64_t>(number * 11 % 37), 101, 100 + number),
          .sampling = {.temperature = 1.0, .top_p = 0.95, .max_tokens = max_tokens},
          .key = {.seed = 42, .problem = number, .sample = 0},
          .stop_tokens = {17}};
}

// One token at a time through the decoder, no engine: what every engine run must equal.
inline Answer plain_generation(const Decoder& decoder, const Request& request,
                               Arithmetic arithmetic = Arithmetic::kPortable) {
  Executor executor(1, cpu_backend(arithmetic));
  SequenceCache cache(PagePool(decoder.cache_layout()));
  DecoderStep step;
  std::vector<std::int32_t> next = request.prompt;
  Answer answer;
  std::vector<float> logits;
  while (true) {
    const DecoderInput input{.tokens = next, .cache = &cache, .logits = DecoderInput::Logits::kLast};
    decoder.forward({&input, 1}, step, logits, executor);
    const std::int32_t token = sample_token(logits, request.sampling, request.key, answer.tokens.size());
    answer.finish_reason = FinishReason::kStop;
    if (std::count(request.stop_tokens.begin(), request.stop_tokens.end(), token) > 0) return answer;
    answer.tokens.push_back(token);
    answer.finish_reason = FinishReason::kLength;
    if (static_cast<std::int64_t>(answer.tokens.size()) == request.sampling.max_tokens) return answer;
    next = {token};
  }
}

struct Small {
  RandomModel model{small_config(Architecture::kLlama)};
  Decoder decoder{model, {}};
  Executor executor{2};
};

}  // namespace qreason::testing
