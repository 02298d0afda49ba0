// A request on its way: its tokens so far and its part of the cache.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "model/kv_cache.h"

namespace qreason {

struct Sequence {
  Sequence(std::int64_t request_number, Request request, const PagePool& pool)
      : number(request_number),
        sampling(request.sampling),
        key(request.key),
        stop_tokens(std::move(request.stop_tokens)),
        thought(std::move(request.thought), request.sampling, stop_tokens),
        top_logprobs(request.top_logprobs),
        ends_at(std::move(request.ends_at)),
        tokens(std::move(request.prompt)),
        prompt_length(static_cast<std::int64_t>(tokens.size())),
        cache(pool) {}

  std::int64_t length() const { return static_cast<std::int64_t>(tokens.size()); }
  std::int64_t generated() const { return length() - prompt_length; }
  std::span<const std::int32_t> answer() const {
    return std::span(tokens).subspan(static_cast<std::size_t>(prompt_length));
  }
  // Tokens that are not in the cache yet: the prompt, one sampled token, or everything after a preemption.
  std::int64_t pending() const { return length() - cache.length(); }
  std::span<const std::int32_t> next_tokens(std::int64_t count) const {
    return std::span(tokens).subspan(static_cast<std::size_t>(cache.length()), static_cast<std::size_t>(count));
  }

  std::int64_t number;
  SamplingParameters sampling;
  SampleKey key;
  std::vector<std::int32_t> stop_tokens;
  ThoughtControl thought;
  std::optional<std::int64_t> top_logprobs;
  std::function<bool(std::int32_t token)> ends_at;
  std::vector<TokenLogprobs> logprobs;  // of the answer's tokens
  std::vector<std::int32_t> tokens;     // prompt and answer
  std::int64_t prompt_length;
  std::int64_t rope_length = 0;  // the prompt's, where its rotary angles depend on it (model/rope_table.h), else 0
  SequenceCache cache;
  std::chrono::steady_clock::time_point first_token;
};

}  // namespace qreason
