// The options of commands that answer many problems by the study's protocol: how tokens are drawn, how many answers
// are generated together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/engine_generator.h"

namespace qreason {

// How long a sequence may become, and what the cache may take. Commands refuse what cannot fit before they begin.
class ContextOptions {
 public:
  void declare(OptionSet& options);
  // Errors (usage) name the option.
  ContextSettings checked() const;

 private:
  std::optional<std::int64_t> context_;
  std::optional<std::string> cache_memory_, memory_;
};

// Penalties of tokens that are there already, and how long thoughts may and must be.
class ForcingOptions {
 public:
  void declare(OptionSet& options);
  void put_into(SamplingParameters& sampling) const;  // what was given

 private:
  std::optional<double> repetition_, presence_, frequency_;
  std::optional<std::int64_t> budget_, minimum_;
};

// An Error (usage) that names the option of the first setting that is out of its range.
void check_sampling(const SamplingParameters& sampling);

class SamplingOptions {
 public:
  void declare(OptionSet& options);
  // Errors (usage) name the option that is out of its range.
  EngineGenerator::Options checked() const;

 private:
  SamplingParameters sampling_;
  ForcingOptions forcing_;
  std::int64_t batch_ = 64;
  ContextOptions context_;
};

}  // namespace qreason
