// Progressions written with dots: "1, 2, \ldots, 5", "1 + 3 + 5 + \cdots + 99".
#pragma once

#include <optional>
#include <vector>

#include "eval/graders/math/expression.h"

namespace qreason::math {

// The elements with the dots among them filled in: whole numbers with equal steps (two and more in front of the dots),
// or with equal ratios (three and more), that meet what stands behind. What would be too long, and what ends with a
// symbol ("1, 2, 3, \ldots, n"), gets the shortest form instead: two elements, dots, the last. As they are where they
// are no such progression: "2, 4, \ldots, 15", "1, \ldots, 5".
std::vector<Node> without_dots(std::vector<Node> elements);

// The value of a sum whose terms are such a progression, three and more in front of the dots. nullopt: no such sum.
std::optional<Rational> sum_with_dots(const std::vector<Node>& terms);

}  // namespace qreason::math
