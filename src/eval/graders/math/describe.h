#pragma once

#include <string>

#include "eval/graders/math/expression.h"

namespace qreason::math {

// "sum(3, product(2, x))": an expression as the grader reads it, cut off where it gets long.
std::string described(const Node& node);

}  // namespace qreason::math
