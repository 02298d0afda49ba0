// What the words around a value in running text make of it: "twice 42", "42 squared", "n cannot be 42", "8 (not 7)".
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace qreason::math {

enum class Standing {
  kStands,      // the text says the value
  kChanged,     // it says another one, a bound, or that this is none
  kContrasted,  // what stands in front of the value is said, and not it: "8 (not 7)", "8 rather than 7"
};

struct Judged {
  Standing standing = Standing::kStands;
  std::size_t kept = 0;  // of kContrasted: the bytes of `before` in front of the contrast
};

// Of a value between `before` and `behind`. `announced`: the phrase is all that was announced, so that "7th", "from 42
// to 50" and "42 to 50" are no numbers; elsewhere "the price went from 5 to 7" may end with what was asked for.
Judged standing_of(std::string_view before, std::string_view behind, bool announced);

// What says another value behind one: of ". No, wait, it is 8." the part from "it" on. nullopt where nothing does:
// "No other value works", "Wait, let me check: 3 + 4 = 7".
std::optional<std::string_view> correction(std::string_view behind);

// Whether the clause that an announcement stands in only tries the value: "Suppose the answer is", "Maybe the answer
// is".
bool is_supposed(std::string_view before);

}  // namespace qreason::math
