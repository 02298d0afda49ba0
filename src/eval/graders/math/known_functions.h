// Functions whose values are known at some places, and notations for numbers of choices.
#pragma once

#include <optional>
#include <string_view>

#include "eval/graders/math/expression.h"

namespace qreason::math {

// \Gamma of whole and half numbers above 0, to 200, \zeta(2) to \zeta(8) (even ones); nullopt for anything else.
std::optional<Node> known_value(std::string_view name, const Node& argument);

// n!/(n-k)!
Node arrangements(const Node& all, const Node& chosen);

// What is left when "C_{10}^2", "P_{10}^2", "A_{10}^2" are the numbers of choices that they may say; nullopt where
// there is none of them.
std::optional<Node> with_numbers_of_choices(const Node& n);

// "\overline{3+4i}": of a number with i in it the conjugate; nullopt for what has no i or has letters.
std::optional<Node> conjugate(const Node& n);

}  // namespace qreason::math
