// Equations without denominators: "y = 1/x" as "xy = 1".
#pragma once

#include <optional>

#include "eval/graders/math/evaluate.h"

namespace qreason::math {

// `difference` (of the two sides, which is to be 0) times what stands in its denominators, products of symbols and
// numbers. nullopt: nothing stands there, or more than that, or the product might be 0 where the equation says nothing:
// it must be a number other than 0 where any of the symbols is 0.
std::optional<Node> without_denominators(const Node& difference, Budget& budget);

}  // namespace qreason::math
