#include "base/sampling.h"

#include <fmt/format.h>

namespace qreason {

std::optional<SamplingFault> find_fault(const SamplingParameters& sampling) {
  const auto fault = [](std::string_view key, auto value, const char* expected) {
    return SamplingFault{key, fmt::format("{}", value), expected};
  };
  if (!(sampling.temperature >= 0 && sampling.temperature <= 100))
    return fault("temperature", sampling.temperature, "0 to 100");
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) return fault("top_p", sampling.top_p, "more than 0, at most 1");
  if (sampling.top_k < 0) return fault("top_k", sampling.top_k, "0 (all) or more");
  if (!(sampling.repetition_penalty > 0 && sampling.repetition_penalty <= 100)) {
    return fault("repetition_penalty", sampling.repetition_penalty, "more than 0, at most 100");
  }
  if (sampling.max_tokens < 1) return fault("max_tokens", sampling.max_tokens, "1 or more");
  return std::nullopt;
}

OrderedJson to_json(const SamplingParameters& sampling) {
  OrderedJson json = {{"temperature", sampling.temperature},
                      {"top_p", sampling.top_p},
                      {"top_k", sampling.top_k},
                      {"max_tokens", sampling.max_tokens}};
  if (sampling.repetition_penalty != 1) json["repetition_penalty"] = sampling.repetition_penalty;
  return json;
}

}  // namespace qreason
