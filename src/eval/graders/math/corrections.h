// What is only tried in running text, or said of another thing, or taken back behind it.
#pragma once

#include <optional>
#include <string_view>

namespace qreason::math {

// What says another value behind one: of ". No, wait, it is 8." the part from "it" on. nullopt where nothing does:
// "No other value works", "Wait, let me check: 3 + 4 = 7".
std::optional<std::string_view> correction(std::string_view behind);

// Whether what follows a value takes it back without another: ". But that is wrong", ", which cannot be right".
bool is_taken_back(std::string_view behind);

// Whether the clause in front of "answer is" says something else than what the answer is: "Suppose the", "I doubt that
// the", "The square of the", "Their".
bool speaks_of_another(std::string_view before);

}  // namespace qreason::math
