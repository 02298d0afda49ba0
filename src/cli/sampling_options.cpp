#include "cli/sampling_options.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {

void SamplingOptions::declare(OptionSet& options) {
  options.value("--max-tokens", sampling_.max_tokens, "New tokens an answer, at most");
  options.value("--temperature", sampling_.temperature, "0 takes the likeliest token");
  options.value("--top-p", sampling_.top_p, "Share of the probability that is sampled from");
  options.value("--top-k", sampling_.top_k, "Number of tokens that are sampled from; 0 for all");
  options.value("--batch", batch_, "Answers generated together, at most; changes no answer");
}

EngineGenerator::Options SamplingOptions::checked() const {
  if (sampling_.max_tokens < 1)
    throw Error::usage("--max-tokens", fmt::format("{}", sampling_.max_tokens), "1 or more");
  if (!(sampling_.temperature >= 0 && sampling_.temperature <= 100))
    throw Error::usage("--temperature", fmt::format("{}", sampling_.temperature), "0 to 100");
  if (!(sampling_.top_p > 0 && sampling_.top_p <= 1))
    throw Error::usage("--top-p", fmt::format("{}", sampling_.top_p), "more than 0, at most 1");
  if (sampling_.top_k < 0) throw Error::usage("--top-k", fmt::format("{}", sampling_.top_k), "0 or more");
  if (batch_ < 1 || batch_ > 65536) throw Error::usage("--batch", fmt::format("{}", batch_), "1 to 65536");
  return {.sampling = sampling_, .batch = batch_};
}

}  // namespace qreason
