// Functions given by cases: "\begin{cases} x & x \ge 0 \\ -x & \text{otherwise} \end{cases}". A node of kPiecewise has
// values and conditions in turns; the first condition that holds says which value it is.
#pragma once

#include <string_view>
#include <vector>

#include "eval/graders/math/expression.h"

namespace qreason::math {

bool is_otherwise(std::string_view word);  // "otherwise", "else", ...

// What is zero where a condition begins or ends to hold: the differences of the sides of its relations.
std::vector<Node> condition_arguments(const Node& piecewise);

}  // namespace qreason::math
