#include "cli/sampling_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/memory.h"

namespace qreason {
namespace {

std::uint64_t size_of(const char* option, const std::string& text) {
  const auto bytes = parse_bytes(text);
  if (!bytes) throw Error::usage(option, text, "a size, as in 512MiB or 4GiB");
  return *bytes;
}

}  // namespace

void SamplingOptions::declare(OptionSet& options) {
  options.value("--max-tokens", sampling_.max_tokens, "New tokens an answer, at most");
  options.value("--temperature", sampling_.temperature, "0 takes the likeliest token");
  options.value("--top-p", sampling_.top_p, "Share of the probability that is sampled from");
  options.value("--top-k", sampling_.top_k, "Number of tokens that are sampled from; 0 for all");
  forcing_.declare(options);
  options.value("--batch", batch_, "Answers generated together, at most; changes no answer");
  context_.declare(options);
}

EngineGenerator::Options SamplingOptions::checked() const {
  SamplingParameters sampling = sampling_;
  forcing_.put_into(sampling);
  check_sampling(sampling);
  if (batch_ < 1 || batch_ > 65536) throw Error::usage("--batch", fmt::format("{}", batch_), "1 to 65536");
  return {.sampling = sampling, .batch = batch_, .context = context_.checked()};
}

void ForcingOptions::declare(OptionSet& options) {
  options.value("--repetition-penalty", repetition_,
                "Divides the logits of tokens in prompt or answer (default: the model's for generate, else 1, off)");
  options.value("--presence-penalty", presence_, "Taken from the logits of tokens in the answer (default: 0)");
  options.value("--frequency-penalty", frequency_, "The same times how often they stand there (default: 0)");
  options.value("--thinking-budget", budget_,
                "Tokens after which a thought that goes on is closed for the model; 0 is never (default: 0)");
  options.value("--thinking-minimum", minimum_,
                "Tokens before which a thought does not end: \"Wait\" takes the place of </think> and of the "
                "answer's end (default: 0)");
}

void ForcingOptions::put_into(SamplingParameters& sampling) const {
  if (repetition_) sampling.repetition_penalty = *repetition_;
  if (presence_) sampling.presence_penalty = *presence_;
  if (frequency_) sampling.frequency_penalty = *frequency_;
  if (budget_) sampling.thinking_budget = *budget_;
  if (minimum_) sampling.thinking_minimum = *minimum_;
}

void ContextOptions::declare(OptionSet& options) {
  options.value("--context", context_, "Positions of a prompt with its answer, at most (default: the model's)");
  options.value("--cache-memory", cache_memory_,
                "Memory of the key/value cache, as in 4GiB; changes no answer (default: half of what is free)");
  options.value("--memory", memory_, "The same for weights and cache together");
}

ContextSettings ContextOptions::checked() const {
  ContextSettings settings;
  if (context_ && *context_ < 2) throw Error::usage("--context", fmt::format("{}", *context_), "2 or more");
  settings.positions = context_.value_or(0);
  if (cache_memory_ && memory_) throw Error::usage("--memory", "given together with --cache-memory", "one of them");
  if (cache_memory_) settings.cache_bytes = size_of("--cache-memory", *cache_memory_);
  if (memory_) settings.memory_bytes = size_of("--memory", *memory_);
  return settings;
}

void check_sampling(const SamplingParameters& sampling) {
  const auto fault = find_fault(sampling);
  if (!fault) return;
  std::string option = "--" + std::string(fault->key);
  std::replace(option.begin(), option.end(), '_', '-');
  throw Error::usage(option, fault->got, fault->expected);
}

}  // namespace qreason
