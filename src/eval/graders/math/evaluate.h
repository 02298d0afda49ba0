// Values of expressions: exact where they are rational, certified complex intervals elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eval/graders/math/ball.h"
#include "eval/graders/math/expression.h"

namespace qreason::math {

// What one comparison may spend, in steps of about 5 ns; used up, nothing more is decided.
struct Budget {
  std::int64_t left = 2'000'000;
  bool spend(std::int64_t steps) { return (left -= steps) > 0; }
  bool used_up() const { return left <= 0; }
};

// Values of symbols.
struct Point {
  std::vector<std::pair<std::string, Rational>> values;
  const Rational* find(const std::string& name) const {
    for (const auto& [known, value] : values)
      if (known == name) return &value;
    return nullptr;
  }
};

// re + i im; `exact` when it is a rational number (re and im are then not used).
struct Value {
  std::optional<Rational> exact;
  Ball re, im;
  bool is_real() const { return exact || im.is_exact_zero(); }
};

// One evaluation at one point. Roots of odd order and powers with an odd denominator are real for negative numbers;
// other powers, roots and logarithms of them are the principal complex ones.
class Evaluator {
 public:
  Evaluator(const Point& point, int precision, Budget& budget)
      : point_(point), precision_(precision), budget_(budget) {}

  // nullopt: undefined, not a scalar, too large, or the budget is used up.
  std::optional<Value> value(const Node& node);

  // Whether something on the way was not a real number.
  bool left_reals() const { return left_reals_; }
  // Over all sums: by how many bits the smallest term lies below the largest. A precision below it hides that term.
  std::int64_t deepest_term() const { return deepest_; }

  Ball real_part(const Value& value) const;  // of exact ones, too

 private:
  std::optional<Value> number(const Node& node);
  std::optional<Value> constant(const std::string& name);
  std::optional<Value> folded(const Node& node);
  std::optional<Value> call(const Node& node);
  std::optional<Value> exact_call(const Node& node, const std::vector<Value>& arguments);
  std::optional<Value> applied(const Node& node);

  // functions given by cases (piecewise.cpp)
  std::optional<Value> piecewise(const Node& node);
  std::optional<bool> holds(const Node& condition);
  std::optional<bool> lies_in(const Node& element, const Node& set);
  std::optional<int> sign_of_difference(const Node& left, const Node& right);

  std::optional<Value> largest_or_smallest(const std::string& name, const std::vector<Value>& arguments);
  std::optional<Value> function_of(const std::string& name, const Value& x);
  std::optional<Value> real_function(const std::string& name, const Ball& x);

  Value negative_of(const Value& a);
  std::optional<Value> added(const Value& a, const Value& b);
  std::optional<Value> multiplied(const Value& a, const Value& b);
  std::optional<Value> divided(const Value& a, const Value& b);
  std::optional<Value> raised(const Value& base, const Value& exponent);
  std::optional<Value> whole_power(Value base, std::int64_t exponent);
  std::optional<Value> root(const Value& base, const Value& exponent);
  std::optional<Value> square_root_of(const Value& x);
  std::optional<Value> logarithm_of(const Value& x);
  std::optional<Value> exponential_of(const Value& x);
  std::optional<Value> absolute_of(const Value& x);
  std::optional<Value> floor_of(const Ball& x);
  Value of(Ball re, Ball im);
  Value of_real(Ball re);
  static Value of_exact(Rational value);
  std::optional<Value> exact_result(std::optional<Rational> exact, std::size_t bits);
  bool pay();

  const Point& point_;
  int precision_;
  Budget& budget_;
  bool left_reals_ = false;
  std::int64_t deepest_ = 0;
};

// The value of what is made of numbers by rational operations; nullopt for anything else, and when it is too large.
std::optional<Rational> exact_value(const Node& node, Budget& budget);

// All names of values in it: symbols, words, not functions. Sorted, each once.
std::vector<std::string> symbols_of(const Node& node);
bool has_variables(const Node& node);
bool has_decimals(const Node& node);

}  // namespace qreason::math
