#include "base/sampling.h"

#include <fmt/format.h>

#include <utility>

namespace qreason {
namespace {

constexpr std::int64_t kMostForced = 1'000'000'000;  // tokens; more than any context has

}  // namespace

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
  for (const auto& [key, value] : {std::pair{"presence_penalty", sampling.presence_penalty},
                                   std::pair{"frequency_penalty", sampling.frequency_penalty}}) {
    if (!(value >= -2 && value <= 2)) return fault(key, value, "-2 to 2");
  }
  if (sampling.max_tokens < 1) return fault("max_tokens", sampling.max_tokens, "1 or more");
  if (sampling.thinking_budget < 0 || sampling.thinking_budget > kMostForced)
    return fault("thinking_budget", sampling.thinking_budget, "0 (none) to 1000000000");
  if (sampling.thinking_minimum < 0 || sampling.thinking_minimum > kMostForced)
    return fault("thinking_minimum", sampling.thinking_minimum, "0 to 1000000000");
  if (sampling.thinking_budget > 0 && sampling.thinking_minimum > sampling.thinking_budget) {
    return fault("thinking_minimum", sampling.thinking_minimum, "at most the thinking budget");
  }
  return std::nullopt;
}

OrderedJson to_json(const SamplingParameters& sampling) {
  OrderedJson json = {{"temperature", sampling.temperature},
                      {"top_p", sampling.top_p},
                      {"top_k", sampling.top_k},
                      {"max_tokens", sampling.max_tokens}};
  // What is off is left out, so that results of before stay those of the same run.
  if (sampling.repetition_penalty != 1) json["repetition_penalty"] = sampling.repetition_penalty;
  if (sampling.presence_penalty != 0) json["presence_penalty"] = sampling.presence_penalty;
  if (sampling.frequency_penalty != 0) json["frequency_penalty"] = sampling.frequency_penalty;
  if (sampling.thinking_budget != 0) json["thinking_budget"] = sampling.thinking_budget;
  if (sampling.thinking_minimum != 0) json["thinking_minimum"] = sampling.thinking_minimum;
  return json;
}

}  // namespace qreason
