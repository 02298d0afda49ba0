// What the words around a value in running text make of it: "twice 42", "42 squared", "n cannot be 42", "8 (not 7)".
#pragma once

#include <cstddef>
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

// How a value is said: announced phrases are taken as a whole, so that "7th", "from 42 to 50" and "42 to 50" are no
// numbers there; elsewhere "the price went from 5 to 7" may end with what was asked for.
enum class Place {
  kInPassing,
  kSentence,   // in a sentence behind "Final answer:", which may say more than the value
  kAnnounced,  // behind "the answer is", with nothing in front of it but words that leave it as it is
};

// Of a value between `before` and `behind`.
Judged standing_of(std::string_view before, std::string_view behind, Place place);

}  // namespace qreason::math
