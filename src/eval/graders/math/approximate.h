// Values in doubles, where no proof is asked for: to look for zeros.
#pragma once

#include <optional>

#include "eval/graders/math/evaluate.h"
#include "eval/graders/math/expression.h"

namespace qreason::math {

// The real value at the point, of sums, products, powers and elementary functions. nullopt: anything else in it, not
// real, not finite, or lost in the rounding of larger terms.
std::optional<double> approximate_value(const Node& node, const Point& point);

}  // namespace qreason::math
