// Units behind values: "5 cm", "9.8 m/s^2", "7 red apples", "3 miles per hour".
#pragma once

#include <optional>
#include <vector>

#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/words.h"

namespace qreason::math {

struct UnitPhrase {
  Unit unit;
  std::size_t end;  // the index of the first token behind it
};

// The unit that begins at `at`: known units, things that are counted, and what may stand between. nullopt: some word
// of it is not known; such words are part of the answer.
std::optional<UnitPhrase> unit_phrase(const std::vector<Token>& tokens, std::size_t at);

}  // namespace qreason::math
