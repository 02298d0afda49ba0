// Names that only run over a set of numbers: "x = 2k\pi, k \in \mathbb{Z}" says the same of n.
#pragma once

#include "eval/graders/math/expression.h"

namespace qreason::math {

// `answer` with the one name that runs over a set in it replaced by the one of `gold`, where each has exactly one and
// `answer` does not use gold's for anything else; else as it is.
Node with_bound_name_of(const Node& gold, Node answer);

bool mentions_symbol(const Node& n, std::string_view name);
void rename_symbol(Node& n, const std::string& from, const std::string& to);

}  // namespace qreason::math
