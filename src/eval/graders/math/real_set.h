// Sets of real numbers with ends that can be ordered: intervals, inequalities in one unknown, unions, intersections,
// differences, conditions, finite sets.
#pragma once

#include <optional>

#include "eval/graders/math/value_compare.h"

namespace qreason::math {

// Whether it can only be a set of reals: "[0, 1)", a union, "x > 3", "{x : x > 3}"; "(0, 1)" may be a point.
bool is_real_set(const Node& n);

// nullopt: one of the two is no such set, or has ends (of variables) that have no order.
std::optional<Decision> compare_real_sets(const Node& a, const Node& b, Budget& budget);

}  // namespace qreason::math
