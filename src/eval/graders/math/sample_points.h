// Where two functions of variables are compared when no normal form decides.
#pragma once

#include <vector>

#include "eval/graders/math/evaluate.h"

namespace qreason::math {

// Points over signs and sizes, from 1/64 to 1000, the same for the same names. Symbols under a factorial, in a binomial
// or in the exponent of a negative number are whole. Where an absolute value, a root, a maximum, a floor has an
// argument of degree one or two in a symbol, both sides of its zeros are visited: pieces of piecewise functions are all
// seen.
std::vector<Point> sample_points(const Node& a, const Node& b, Budget& budget);

}  // namespace qreason::math
