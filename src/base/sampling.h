// How the tokens of an answer are drawn: the settings that commands, study files, the engine and result files share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace qreason {

struct SamplingParameters {
  double temperature = 0.6;       // 0 = greedy, at most 100
  double top_p = 0.95;            // (0, 1]
  std::int64_t top_k = 0;         // 0 = off
  double repetition_penalty = 1;  // of logits of tokens in prompt or answer (engine/sampler.h); 1 = off
  double presence_penalty = 0;    // of logits of tokens in the answer, -2 to 2; 0 = off
  double frequency_penalty = 0;   // the same times how often they stand there
  std::int64_t max_tokens = 32768;
  std::int64_t thinking_budget = 0;   // tokens after which a thought is closed (engine/thought.h); 0 = never
  std::int64_t thinking_minimum = 0;  // tokens before which none ends; 0 = off
};

// The first setting that is out of its range, by its key in study and result files.
struct SamplingFault {
  std::string_view key;
  std::string got, expected;
};
std::optional<SamplingFault> find_fault(const SamplingParameters& sampling);

OrderedJson to_json(const SamplingParameters& sampling);

}  // namespace qreason
