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

struct EndpointChoices {
  std::optional<std::string> url, api, model, key_variable;
  std::vector<std::string> stop = {};
  std::int64_t silence_seconds = 120;
};
// `sampling`: what holds for any engine. The key is read from the environment. Errors (usage) name the option.
EndpointSettings endpoint_settings(const EndpointChoices& choices, const EngineGenerator::Options& sampling);

class EndpointOptions {
 public:
  void declare(OptionSet& options);
  // Whether --endpoint is given. Error (usage) for another of the options without it.
  bool given() const;
  EndpointSettings checked(const EngineGenerator::Options& sampling) const {
    return endpoint_settings(choices_, sampling);
  }

 private:
  EndpointChoices choices_;
};

}  // namespace qreason
