// Answers without a value: words alone, and letters of choices.
#pragma once

#include <optional>
#include <vector>

#include "eval/graders/math/expression.h"

namespace qreason::math {

// Words alone ("ellipse", "a line"): one text, or what they name ("all real numbers", "twelve", "noon"). nullopt where
// anything else is among the tokens.
std::optional<Node> words_alone(const std::vector<Token>& tokens);

// "B)", "C:", "D." are choices.
std::optional<Node> marked_choice(const std::vector<Token>& tokens);

}  // namespace qreason::math
