// What an answer says of a number beside the number itself.
#pragma once

#include <optional>

#include "eval/graders/math/evaluate.h"
#include "eval/graders/math/expression.h"

namespace qreason::math {

// Where a number was asked for, the one that is said to be
// - the value of a sum of names: "m + n = 25 + 91 = 116", "100m + n = 2077", "116 = m + n". Not of one name alone, nor
//   with numbers beside them, which are equations to be solved or curves: "2x = 6", "x + 2 = 5", "x^2 + y^2 = 25".
// - a remainder by a power of ten, as the last digits are asked for: "371 \pmod{1000}", "N \equiv 371 \pmod{1000}".
//   Only where it is from 0 to the modulus: "1371 \pmod{1000}" is neither 1371 nor yet the remainder.
// nullopt: nothing of the kind. The other way round it does not hold: an equation that is the gold answer is more than
// a number (tests/data/grading: 5 for x + y = 5 is wrong).
std::optional<Node> written_value(const Node& answer, Budget& budget);

// A number as gold answer: without names, signs of relation, brackets, words.
bool asks_for_number(const Node& gold);

}  // namespace qreason::math
