// Sums to a symbol and what they are said to be: "\sum_{k=1}^{n} k" and "n(n+1)/2".
#pragma once

#include <optional>

#include "eval/graders/math/evaluate.h"
#include "eval/graders/math/expression.h"
#include "eval/graders/math/value_compare.h"

namespace qreason::math {

// By induction over the upper end n: `closed` must be the first term where the sum has one term, and grow by the last
// term from n - 1 to n. nullopt: `sum` is no such sum, or its terms depend on n.
std::optional<Decision> compare_closed_sum(const Node& sum, const Node& closed, Budget& budget);

}  // namespace qreason::math
