#include "eval/graders/math/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/random.h"

namespace qreason::math {
namespace {

using Complex = std::complex<double>;

std::optional<Rational> exact_power(const Node& node) {
  const auto base = exact_value(node.children[0]);
  const auto exponent = exact_value(node.children[1]);
  if (!base || !exponent) return std::nullopt;
  const auto integer = exponent->to_int64();
  if (!integer || *integer > 512 || *integer < -512) return std::nullopt;
  return base->to_power(*integer);
}

std::optional<Rational> exact_factorial(const Node& node) {
  const auto argument = exact_value(node.children[0]);
  const auto n = argument ? argument->to_int64() : std::nullopt;
  if (!n || *n < 0 || *n > 40) return std::nullopt;
  std::optional<Rational> result = Rational(1);
  for (std::int64_t k = 2; k <= *n && result; ++k) result = result->times(Rational(k));
  return result;
}

std::optional<Rational> exact_binomial(const Node& node) {
  const auto upper = exact_value(node.children[0]);
  const auto lower = exact_value(node.children[1]);
  const std::int64_t n = upper ? upper->to_int64().value_or(-1) : -1;
  const std::int64_t k = lower ? lower->to_int64().value_or(-1) : -1;
  if (k < 0 || k > n || n > 200) return std::nullopt;
  std::optional<Rational> result = Rational(1);
  for (std::int64_t j = 1; j <= k && result; ++j) {
    result = result->times(Rational(n - k + j));
    if (result) result = result->over(Rational(j));
  }
  return result;
}

template <class Combine>
std::optional<Rational> exact_fold(const Node& node, Combine combine) {
  auto result = exact_value(node.children[0]);
  for (std::size_t i = 1; i < node.children.size() && result; ++i) {
    const auto next = exact_value(node.children[i]);
    if (!next) return std::nullopt;
    result = combine(*result, *next);
  }
  return result;
}

// A number that depends on the variable's name and the sample point alone: positive and small at the first points, of
// any sign and larger at those far out.
Complex variable_value(const std::string& name, std::size_t point) {
  const double size = 0.5 + 1.5 * counter_uniform(0x5eed, stable_hash(name), point, 0);
  if (point < kSamplePoints) return Complex(size, 0);
  const std::size_t far = point - kSamplePoints;
  if (far == 0) return Complex(-size, 0);
  const bool negative = counter_uniform(0x5eed, stable_hash(name), point, 1) < 0.5;
  return Complex((negative ? -5.0 : 5.0) * size * static_cast<double>(far), 0);
}

std::optional<Complex> value_at(const Node& node, std::size_t point);

std::optional<Complex> applied(const std::string& name, Complex x) {
  if (name == "sqrt") return std::sqrt(x);
  if (name == "sin") return std::sin(x);
  if (name == "cos") return std::cos(x);
  if (name == "tan") return std::tan(x);
  if (name == "cot") return 1.0 / std::tan(x);
  if (name == "sec") return 1.0 / std::cos(x);
  if (name == "csc") return 1.0 / std::sin(x);
  if (name == "arcsin" || name == "asin") return std::asin(x);
  if (name == "arccos" || name == "acos") return std::acos(x);
  if (name == "arctan" || name == "atan") return std::atan(x);
  if (name == "sinh") return std::sinh(x);
  if (name == "cosh") return std::cosh(x);
  if (name == "tanh") return std::tanh(x);
  if (name == "ln" || name == "log") return std::log(x);
  if (name == "lg") return std::log10(x);
  if (name == "exp") return std::exp(x);
  if (name == "abs") return Complex(std::abs(x), 0);
  if (name == "floor") return Complex(std::floor(x.real()), 0);
  if (name == "ceil") return Complex(std::ceil(x.real()), 0);
  return std::nullopt;
}

std::optional<Complex> call_at(const Node& node, std::size_t point) {
  const auto argument = value_at(node.children[0], point);
  if (!argument) return std::nullopt;
  if (node.children.size() == 1) return applied(node.text, *argument);
  const auto second = node.children.size() == 2 ? value_at(node.children[1], point) : std::nullopt;
  if (!second) return std::nullopt;
  if (node.text == "log") return std::log(*argument) / std::log(*second);
  if (node.text == "max") return std::max(argument->real(), second->real());
  if (node.text == "min") return std::min(argument->real(), second->real());
  return std::nullopt;
}

std::optional<Complex> constant_or_variable(const Node& node, std::size_t point) {
  if (node.kind == NodeKind::kSymbol) return variable_value(node.text, point);
  if (node.text == "pi") return Complex(std::numbers::pi, 0);
  if (node.text == "e") return Complex(std::numbers::e, 0);
  return Complex(0, 1);
}

std::optional<Complex> fold_at(const Node& node, std::size_t point) {
  Complex result = node.kind == NodeKind::kSum ? 0.0 : 1.0;
  for (const Node& child : node.children) {
    const auto value = value_at(child, point);
    if (!value) return std::nullopt;
    if (node.kind == NodeKind::kSum)
      result += *value;
    else
      result *= *value;
  }
  return result;
}

std::optional<Complex> pair_at(const Node& node, std::size_t point) {
  const auto left = value_at(node.children[0], point);
  const auto right = value_at(node.children[1], point);
  if (!left || !right) return std::nullopt;
  if (node.kind != NodeKind::kPower) return *left / *right;
  if (*left == Complex(0, 0)) return right->real() > 0 ? std::optional(Complex(0, 0)) : std::nullopt;
  return std::pow(*left, *right);
}

std::optional<Complex> value_at(const Node& node, std::size_t point) {
  if (const auto exact = exact_value(node)) return Complex(exact->to_double(), 0);
  switch (node.kind) {
    case NodeKind::kConstant:
    case NodeKind::kSymbol:
      return constant_or_variable(node, point);
    case NodeKind::kSum:
    case NodeKind::kProduct:
      return fold_at(node, point);
    case NodeKind::kQuotient:
    case NodeKind::kPower:
    case NodeKind::kRatio:
      return pair_at(node, point);
    case NodeKind::kCall:
      return call_at(node, point);
    case NodeKind::kNegation:
    case NodeKind::kPercent: {
      const auto value = value_at(node.children[0], point);
      if (!value) return std::nullopt;
      return node.kind == NodeKind::kNegation ? -*value : *value / 100.0;
    }
    default:
      return std::nullopt;
  }
}

template <class Predicate>
bool any_node(const Node& node, Predicate predicate) {
  if (predicate(node)) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [&](const Node& child) { return any_node(child, predicate); });
}

}  // namespace

std::optional<Rational> exact_value(const Node& node) {
  switch (node.kind) {
    case NodeKind::kNumber:
    case NodeKind::kBased:
      return node.value;
    case NodeKind::kSum:
      return exact_fold(node, [](const Rational& a, const Rational& b) { return a.plus(b); });
    case NodeKind::kProduct:
      return exact_fold(node, [](const Rational& a, const Rational& b) { return a.times(b); });
    case NodeKind::kQuotient:
    case NodeKind::kRatio:
      return exact_fold(node, [](const Rational& a, const Rational& b) { return a.over(b); });
    case NodeKind::kPower:
      return exact_power(node);
    case NodeKind::kNegation: {
      const auto value = exact_value(node.children[0]);
      return value ? std::optional(value->negated()) : std::nullopt;
    }
    case NodeKind::kPercent: {
      const auto value = exact_value(node.children[0]);
      return value ? value->over(Rational(100)) : std::nullopt;
    }
    case NodeKind::kFactorial:
      return exact_factorial(node);
    case NodeKind::kCall:
      return node.text == "binom" ? exact_binomial(node) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<SampleValues> sampled_values(const Node& node) {
  SampleValues values;
  for (std::size_t point = 0; point < kSamplePoints; ++point) {
    const auto value = value_at(node, point);
    if (!value || !std::isfinite(value->real()) || !std::isfinite(value->imag())) return std::nullopt;
    values[point] = *value;
  }
  return values;
}

std::optional<double> value_far_out(const Node& node, std::size_t point) {
  const auto value = value_at(node, kSamplePoints + point);
  if (!value || !std::isfinite(value->real()) || std::abs(value->imag()) > 1e-12 * std::abs(value->real()))
    return std::nullopt;
  return value->real();
}

double rounding_error(const Node& node, std::size_t point) {
  constexpr double kUnit = 4 * std::numeric_limits<double>::epsilon();
  const auto value = value_at(node, point);
  if (!value) return 0;
  double error = kUnit * std::abs(*value);
  double relative = 0;  // of products, quotients and powers
  for (const Node& child : node.children) {
    const auto own = value_at(child, point);
    const double of_child = rounding_error(child, point);
    if (!own) continue;
    const double size = std::abs(*own);
    if (node.kind == NodeKind::kSum)
      error += of_child + kUnit * size;
    else if (node.kind == NodeKind::kCall && node.children.size() == 1)
      for (const double step : {of_child, -of_child}) {
        const auto moved = applied(node.text, *own + step);
        if (moved) error = std::max(error, std::abs(*moved - *value) + kUnit * std::abs(*value));
      }
    else if (size > 0)
      relative += of_child / size;
  }
  if (node.kind == NodeKind::kPower) {
    const auto exponent = value_at(node.children[1], point);
    relative *= exponent ? std::max(1.0, std::abs(*exponent)) : 1;
  }
  return error + relative * std::abs(*value);
}

bool has_variables(const Node& node) {
  return any_node(node, [](const Node& n) { return n.kind == NodeKind::kSymbol; });
}

bool has_decimals(const Node& node) {
  return any_node(node, [](const Node& n) { return n.decimal; });
}

}  // namespace qreason::math
