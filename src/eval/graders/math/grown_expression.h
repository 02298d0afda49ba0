// Expressions in plain letters inside of running text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qreason::math {

// A value in a text: its place, and how it is written as an answer.
struct Found {
  std::size_t begin = std::string_view::npos;
  std::size_t end = 0;
  std::string text;
};

// The expression around the number [begin, end) of a line: "3 + 4i", "2x + 3", "(x+1)/(x-2)", "3 < x < 15". It grows
// over operators and what they bind, and ends at words, commas and "="; an equation with more than a name on its left
// side is taken as a whole ("x^2 + y^2 = 25", but the 3 of "x = 3" and of "1 + 2 = 3"). nullopt: the number stands
// alone, or what is around it is no expression.
std::optional<Found> grown_expression(std::string_view line, std::size_t begin, std::size_t end);

}  // namespace qreason::math
