// The tokens of a model that a thinking budget needs (engine/thought.h).
#pragma once

#include <optional>
#include <string>

#include "cli/model_loader.h"

namespace qreason {

// nullopt where neither budget nor minimum is set, and where the prompt ends with a thought that the template has
// closed already. A model without a token </think> is an Error (usage).
std::optional<ThoughtTokens> thought_tokens(const OpenedTokenizer& text, const SamplingParameters& sampling,
                                            const std::string& prompt);

}  // namespace qreason
