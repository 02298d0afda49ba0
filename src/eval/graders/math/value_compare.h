// Whether two scalar expressions are the same number or the same function.
#pragma once

#include <string_view>

#include "eval/graders/math/evaluate.h"

namespace qreason::math {

enum class Outcome { kEqual, kDifferent, kUndecided };

struct Decision {
  Outcome outcome;
  std::string_view why;  // for people
  bool equal() const { return outcome == Outcome::kEqual; }
};

// In this order: the same residues (residues.h) are equal, and different ones different where they prove it; numbers
// are compared exactly, else as intervals of growing precision: apart proves them different, together to 30 digits
// (and to more digits than any number written in them has) counts as equal; functions of variables likewise at sample
// points (sample_points.h) where both are real, and where neither ever is, at complex ones. Undecided: too large,
// undefined, or no scalars.
Decision compare_values(const Node& a, const Node& b, Budget& budget);

// Whether a = factor * b with a number `factor`, other than 0 (positive if so asked); for equations and inequalities.
enum class Factor { kAny, kPositive };
Decision compare_up_to_factor(const Node& a, const Node& b, Factor factor, Budget& budget);

// The order of two real numbers: -1, 0, 1; nullopt when it cannot be told.
std::optional<int> order_of(const Node& a, const Node& b, Budget& budget);

// A real number's value rounded to so many decimals, halves to even, times 10^decimals.
std::optional<Integer> rounded_to(const Node& a, int decimals, Budget& budget);

}  // namespace qreason::math
