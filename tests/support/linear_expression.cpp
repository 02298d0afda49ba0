#include "support/linear_expression.h"

#include <stdexcept>
#include <string>

namespace qreason::testing {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  LinearExpression all() {
    const LinearExpression value = sum();
    if (at_ != text_.size()) fail("something left over");
    return value;
  }

 private:
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(what + " at " + std::to_string(at_) + " of " + std::string(text_));
  }

  LinearExpression sum() {
    LinearExpression value = product();
    while (next() == '+' || next() == '-') {
      const bool adds = text_[at_++] == '+';
      const LinearExpression term = product();
      value = adds ? value + term : value - term;
    }
    return value;
  }

  LinearExpression product() {
    LinearExpression value = factor();
    for (;;) {
      if (next() == '*') {
        ++at_;
        value = times(value, factor());
      } else if (next() == '/') {
        ++at_;
        value = divided(value, factor());
      } else if (next() == 'x' || next() == 'y' || next() == '(') {
        value = times(value, factor());
      } else {
        return value;
      }
    }
  }

  LinearExpression factor() {
    const char c = next();
    if (c == '(') {
      ++at_;
      const LinearExpression value = sum();
      if (next() != ')') fail("an open parenthesis");
      ++at_;
      return value;
    }
    if (c == 'x' || c == 'y') {
      ++at_;
      return c == 'x' ? LinearExpression{.x = 1} : LinearExpression{.y = 1};
    }
    if (c < '0' || c > '9') fail("no number");
    std::size_t used = 0;
    const std::int64_t value = std::stoll(std::string(text_.substr(at_)), &used);
    at_ += used;
    return {.constant = value};
  }

  LinearExpression times(LinearExpression a, LinearExpression b) const {
    if ((a.x != 0 || a.y != 0) && (b.x != 0 || b.y != 0)) fail("a product of unknowns");
    return {a.x * b.constant + b.x * a.constant, a.y * b.constant + b.y * a.constant, a.constant * b.constant};
  }

  LinearExpression divided(LinearExpression a, LinearExpression b) const {
    if (a.x != 0 || a.y != 0 || b.x != 0 || b.y != 0) fail("an unknown in a division");
    if (b.constant == 0 || a.constant % b.constant != 0) fail("a division that does not come out");
    return {.constant = a.constant / b.constant};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

LinearExpression parse_linear(std::string_view text) {
  return Parser(text).all();
}

}  // namespace qreason::testing
