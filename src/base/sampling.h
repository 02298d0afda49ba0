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
  std::int64_t max_tokens = 32768;
};

// The first setting that is out of its range, by its key in study and result files.
struct SamplingFault {
  std::string_view key;
  std::string got, expected;
};
std::optional<SamplingFault> find_fault(const SamplingParameters& sampling);

OrderedJson to_json(const SamplingParameters& sampling);

}  // namespace qreason
