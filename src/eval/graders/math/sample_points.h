// Where two functions of variables are compared when no normal form decides.
#pragma once

#include <vector>

#include "eval/graders/math/evaluate.h"

namespace qreason::math {

struct Samples {
  std::vector<Point> points;
  // Arguments of |.| and its like (bends.h) whose other sign may be missing: not solved, not of one sign by their form,
  // and seen with one sign alone. Functions that agree at these points may differ where the other sign is.
  std::vector<Node> missing;
  // So many real points at which two functions agree decide, once all of the first `needed` points were visited:
  // functions that are analytic where they are defined need no more.
  std::size_t enough, needed;
};

// Points over signs and sizes, from 1/64 to 1000, the same for the same names. Symbols under a factorial, in a binomial
// or in the exponent of a negative number are whole. Where something changes its form at the zeros of an argument (a
// bend, bends.h), both sides of these zeros are visited, and sizes of the numbers in it; where it jumps, the zeros,
// too.
Samples sample_points(const Node& a, const Node& b, Budget& budget);

}  // namespace qreason::math
