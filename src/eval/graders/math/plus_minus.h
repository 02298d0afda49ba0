// a +- b as two values.
#pragma once

#include "eval/graders/math/expression.h"

namespace qreason::math {

// Every element that holds a +- becomes two; all signs of one element go together.
Node expand_plus_minus(Node n);

}  // namespace qreason::math
