// "no solution" and "no real roots" say that the set of solutions is empty.
#pragma once

#include "eval/graders/math/expression.h"

namespace qreason::math {

// "no solution", "There are no real solutions": of all solutions, or of all real ones; not "no integer solutions",
// which leaves room for others.
bool says_no_solutions(const Node& n);
// "no solution" and "there are no solutions", but not "no real solutions".
bool deny_the_same(const Node& a, const Node& b);
// "\emptyset", and "x \in \emptyset"; not a set that holds it.
bool is_empty_set(const Node& n);

}  // namespace qreason::math
