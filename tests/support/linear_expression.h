// Whole-number expressions in x and y, read with the usual precedence; "3x" and "2(x+1)" are products.
#pragma once

#include <cstdint>
#include <string_view>

namespace qreason::testing {

// x * "x" + y * "y" + constant.
struct LinearExpression {
  std::int64_t x = 0, y = 0, constant = 0;
  friend LinearExpression operator+(LinearExpression a, LinearExpression b) {
    return {a.x + b.x, a.y + b.y, a.constant + b.constant};
  }
  friend LinearExpression operator-(LinearExpression a, LinearExpression b) {
    return {a.x - b.x, a.y - b.y, a.constant - b.constant};
  }
};

// Throws std::runtime_error on what it cannot read, on a product of unknowns and on a division with a remainder.
LinearExpression parse_linear(std::string_view text);

}  // namespace qreason::testing
