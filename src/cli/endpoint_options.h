// The options of commands that may ask a server instead of running a model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/endpoint_generator.h"
#include "cli/sampling_options.h"

namespace qreason {

class EndpointOptions {
 public:
  void declare(OptionSet& options);
  bool given() const { return url_.has_value(); }
  // `sampling`: of the command's other options. The key is read from the environment. Errors (usage) name the option.
  EndpointSettings checked(const EngineGenerator::Options& sampling) const;

 private:
  std::optional<std::string> url_, api_, model_, key_variable_;
  std::vector<std::string> stop_;
  std::int64_t silence_seconds_ = 120;
};

}  // namespace qreason
