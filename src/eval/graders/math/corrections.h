// What is only tried in running text, or taken back behind it.
#pragma once

#include <optional>
#include <string_view>

namespace qreason::math {

// What says another value behind one: of ". No, wait, it is 8." the part from "it" on. nullopt where nothing does:
// "No other value works", "Wait, let me check: 3 + 4 = 7".
std::optional<std::string_view> correction(std::string_view behind);

// Whether the clause that an announcement stands in only tries the value: "Suppose the answer is", "I thought the
// answer is".
bool is_supposed(std::string_view before);

}  // namespace qreason::math
