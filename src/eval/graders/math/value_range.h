// Bounds of what an expression can be, by interval arithmetic over its whole domain: enough to see that x^2 + 1,
// e^x and 2 + sin x are never negative.
#pragma once

#include "eval/graders/math/expression.h"

namespace qreason::math {

struct ValueRange {
  double low, high;  // may be infinite

  bool one_sign() const { return low >= 0 || high <= 0; }
};

// Holds every real value of it; symbols may be any real number.
ValueRange range_of(const Node& node);

}  // namespace qreason::math
