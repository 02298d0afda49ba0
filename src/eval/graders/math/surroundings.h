// What a number in running text is a part of: "(3, 4)", "3 + 4i", "x > 5", "4:30 pm", "2 hours and 30 minutes". A
// number that is cut out of these is none of the text's answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/graders/math/grown_expression.h"

namespace qreason::math {

// The widest of these that holds the number, on its line; the number where there is none.
Found with_surroundings(std::string_view text, const Found& number);

// The numbers of a line, in order, each with what it is a part of, and each such part once.
std::vector<Found> widened(std::string_view text, const std::vector<Found>& numbers);

// The last of the values with those in front of it that it is enumerated with: "are 3, 4 and 5", "solutions: x = 1 and
// x = 2", "x = 3 or x = -3". Values are in the order of the text. nullopt: the last stands for itself. "At n = 3, 15"
// is no enumeration: its values need a plural verb or noun in front of them, or an "or" between them.
std::optional<std::string> enumerated(std::string_view text, const std::vector<Found>& values);

}  // namespace qreason::math
