// The options of commands that answer many problems by the study's protocol: how tokens are drawn, how many answers
// are generated together.
#pragma once

#include <cstdint>

#include "cli/command.h"
#include "cli/engine_generator.h"

namespace qreason {

class SamplingOptions {
 public:
  void declare(OptionSet& options);
  // Errors (usage) name the option that is out of its range.
  EngineGenerator::Options checked() const;

 private:
  SamplingParameters sampling_;
  std::int64_t batch_ = 64;
};

}  // namespace qreason
