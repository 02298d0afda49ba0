#include "eval/graders/math/evaluate.h"

#include <algorithm>
#include <cstdlib>

#include "base/random.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxExactBits = 3000;  // at a point; what is longer goes on as an interval
constexpr std::int64_t kMaxResultBits = std::int64_t{1} << 38;

// Of two fractions; whole numbers have no divisor to be found.
std::size_t bits_of(const Value& a, const Value& b) {
  return a.exact->is_integer() && b.exact->is_integer() ? 0 : a.exact->bits() + b.exact->bits();
}

}  // namespace

Value Evaluator::of(Ball re, Ball im) {
  left_reals_ = left_reals_ || !im.is_exact_zero();
  return {std::nullopt, std::move(re), std::move(im)};
}

Value Evaluator::of_real(Ball re) {
  return {std::nullopt, std::move(re), Ball{}};
}

Value Evaluator::of_exact(Rational value) {
  return {std::move(value), Ball{}, Ball{}};
}

// The exact result of an operation on numbers of so many bits; it is paid for, as it takes a greatest common divisor.
// nullopt: too large to go on exactly.
std::optional<Value> Evaluator::exact_result(std::optional<Rational> exact, std::size_t bits) {
  const auto words = static_cast<std::int64_t>((exact ? exact->bits() : bits) / 64);
  budget_.spend(16 * words * words);
  if (!exact || (!point_.values.empty() && exact->bits() > kMaxExactBits)) return std::nullopt;
  return of_exact(*std::move(exact));
}

bool Evaluator::pay() {
  constexpr std::int64_t kPerNode = 20;  // copies of numbers, which short ones cost more than arithmetic
  const std::int64_t words = precision_ / 64 + 1;
  return budget_.spend(kPerNode + words * words);
}

Ball Evaluator::real_part(const Value& value) const {
  return value.exact ? Ball::of(*value.exact, precision_) : value.re;
}

std::optional<Value> Evaluator::value(const Node& node) {
  if (!pay()) return std::nullopt;
  switch (node.kind) {
    case NodeKind::kNumber:
    case NodeKind::kBased:
      return number(node);
    case NodeKind::kConstant:
      return constant(node.text);
    case NodeKind::kSymbol:
    case NodeKind::kText: {
      const Rational* known = point_.find(node.kind == NodeKind::kText ? "text " + node.text : node.text);
      return known != nullptr ? std::optional(of_exact(*known)) : std::nullopt;
    }
    case NodeKind::kSum:
    case NodeKind::kProduct:
    case NodeKind::kQuotient:
    case NodeKind::kRatio:
      return folded(node);
    case NodeKind::kPower: {
      const auto base = value(node.children[0]);
      const auto exponent = base ? value(node.children[1]) : std::nullopt;
      return exponent ? raised(*base, *exponent) : std::nullopt;
    }
    case NodeKind::kNegation: {
      const auto child = value(node.children[0]);
      return child ? std::optional(negative_of(*child)) : std::nullopt;
    }
    case NodeKind::kPercent: {
      const auto child = value(node.children[0]);
      return child ? divided(*child, of_exact(Rational(100))) : std::nullopt;
    }
    case NodeKind::kMeasure:
      return value(node.children[0]);
    case NodeKind::kFactorial:
    case NodeKind::kCall:
      return call(node);
    case NodeKind::kApply:
      return applied(node);
    case NodeKind::kPiecewise:
      return piecewise(node);
    default:
      return std::nullopt;
  }
}

std::optional<Value> Evaluator::number(const Node& node) {
  if (!node.value) return std::nullopt;
  if (node.value->bits() <= kMaxRationalBits) return of_exact(*node.value);
  return of_real(Ball::of(*node.value, precision_));
}

std::optional<Value> Evaluator::constant(const std::string& name) {
  if (name == "pi") return of_real(pi(precision_));
  if (name == "i") return of(Ball{}, Ball::of(Rational(1), precision_));
  if (!budget_.spend(std::int64_t{precision_} * precision_ / 8)) return std::nullopt;
  auto e = exponential(Ball::of(Rational(1), precision_), precision_);
  return e ? std::optional(of_real(*std::move(e))) : std::nullopt;
}

// f(3) is some number that depends on f and on 3; so are operators.
std::optional<Value> Evaluator::applied(const Node& node) {
  std::uint64_t name = stable_hash(node.text);
  for (const Node& child : node.children) {
    const auto argument = value(child);
    if (!argument || !argument->exact) return std::nullopt;
    name = stable_hash(std::to_string(name) + "(" + argument->exact->numerator().str() + "/" +
                       argument->exact->denominator().str());
  }
  const auto result = Rational::of(1 + (name >> 40), 4096);
  return result ? std::optional(of_exact(*result)) : std::nullopt;
}

std::optional<Value> Evaluator::folded(const Node& node) {
  if (node.kind == NodeKind::kRatio && node.children.size() != 2) return std::nullopt;
  auto result = value(node.children[0]);
  std::int64_t highest = kNoBits, lowest = -kNoBits;
  const auto note = [&](const Value& term) {
    const Ball re = real_part(term);
    for (const Ball* part : {&re, &term.im}) {
      if (part->top() == kNoBits || part->holds_zero()) continue;
      highest = std::max(highest, part->top());
      lowest = std::min(lowest, part->top());
    }
  };
  const bool is_sum = node.kind == NodeKind::kSum;
  if (is_sum && result) note(*result);
  for (std::size_t i = 1; i < node.children.size() && result; ++i) {
    const auto next = value(node.children[i]);
    if (!next || !pay()) return std::nullopt;
    if (is_sum) {
      note(*next);
      result = added(*result, *next);
    } else if (node.kind == NodeKind::kProduct) {
      result = multiplied(*result, *next);
    } else {
      result = divided(*result, *next);
    }
  }
  if (is_sum && highest != kNoBits) deepest_ = std::max(deepest_, highest - lowest);
  return result;
}

Value Evaluator::negative_of(const Value& a) {
  if (a.exact) return of_exact(a.exact->negated());
  return of(negated(a.re), negated(a.im));
}

std::optional<Value> Evaluator::added(const Value& a, const Value& b) {
  if (a.exact && b.exact) {
    if (auto exact = exact_result(a.exact->plus(*b.exact), bits_of(a, b))) return exact;
  }
  return of(sum(real_part(a), real_part(b), precision_), sum(a.im, b.im, precision_));
}

std::optional<Value> Evaluator::multiplied(const Value& a, const Value& b) {
  if (a.exact && b.exact) {
    if (auto exact = exact_result(a.exact->times(*b.exact), bits_of(a, b))) return exact;
  }
  if ((a.exact && a.exact->is_zero()) || (b.exact && b.exact->is_zero())) return of_exact(Rational(0));
  const Ball x = real_part(a), u = real_part(b);
  if (std::abs(x.exponent) > kMaxResultBits || std::abs(u.exponent) > kMaxResultBits) return std::nullopt;
  if (a.is_real() && b.is_real()) return of_real(product(x, u, precision_));
  return of(difference(product(x, u, precision_), product(a.im, b.im, precision_), precision_),
            sum(product(x, b.im, precision_), product(a.im, u, precision_), precision_));
}

std::optional<Value> Evaluator::divided(const Value& a, const Value& b) {
  if (b.exact) {
    if (b.exact->is_zero()) return std::nullopt;
    if (a.exact) {
      if (auto exact = exact_result(a.exact->over(*b.exact), bits_of(a, b))) return exact;
    }
  }
  const Ball u = real_part(b);
  if (b.is_real()) {
    auto re = quotient(real_part(a), u, precision_);
    if (!re) return std::nullopt;
    if (a.is_real()) return of_real(*std::move(re));
    auto im = quotient(a.im, u, precision_);
    return im ? std::optional(of(*std::move(re), *std::move(im))) : std::nullopt;
  }
  // a conj(b) / |b|^2
  const Ball size = sum(product(u, u, precision_), product(b.im, b.im, precision_), precision_);
  const auto turned = multiplied(a, of(u, negated(b.im)));
  return turned ? divided(*turned, of_real(size)) : std::nullopt;
}

std::optional<Value> Evaluator::whole_power(Value base, std::int64_t exponent) {
  if (base.exact) {
    if (base.exact->is_zero() && exponent <= 0) return std::nullopt;
    if (auto exact = exact_result(base.exact->to_power(exponent), 0)) return exact;
  }
  const bool negative = exponent < 0;
  std::uint64_t left = negative ? 0 - static_cast<std::uint64_t>(exponent) : static_cast<std::uint64_t>(exponent);
  if (left > (std::uint64_t{1} << 36)) return std::nullopt;
  std::optional<Value> result = of_exact(Rational(1));
  std::optional<Value> square = std::move(base);
  while (left > 0 && result && square) {
    if (!pay()) return std::nullopt;
    if (left & 1) result = multiplied(*result, *square);
    left >>= 1;
    if (left > 0) square = multiplied(*square, *square);
  }
  if (!result || !square) return std::nullopt;
  return negative ? divided(of_exact(Rational(1)), *result) : result;
}

std::optional<Value> Evaluator::raised(const Value& base, const Value& exponent) {
  if (exponent.exact) {
    if (const auto whole = exponent.exact->to_int64()) return whole_power(base, *whole);
    if (!exponent.exact->is_integer()) return root(base, exponent);
    return std::nullopt;
  }
  if (base.exact && base.exact->is_zero()) {
    const bool positive = exponent.is_real() && exponent.re.sign() > 0;
    return positive ? std::optional(of_exact(Rational(0))) : std::nullopt;
  }
  const auto log = logarithm_of(base);
  const auto scaled = log ? multiplied(*log, exponent) : std::nullopt;
  return scaled ? exponential_of(*scaled) : std::nullopt;
}

// base^(p/q): real where base is a negative number and q odd.
std::optional<Value> Evaluator::root(const Value& base, const Value& exponent) {
  if (base.exact && base.exact->is_zero())
    return exponent.exact->sign() > 0 ? std::optional(of_exact(Rational(0))) : std::nullopt;
  const Rational& power = *exponent.exact;
  if (power.denominator() == 2) {
    const auto half = square_root_of(base);
    const auto whole = Rational::of(power.numerator(), 1)->to_int64();
    return half && whole ? whole_power(*half, *whole) : std::nullopt;
  }
  const bool negative = base.is_real() && (base.exact ? base.exact->sign() : base.re.sign()) < 0;
  const bool odd = power.denominator() % 2 != 0;
  if (!negative || !odd) {
    const auto log = logarithm_of(base);
    const auto scaled = log ? multiplied(*log, exponent) : std::nullopt;
    return scaled ? exponential_of(*scaled) : std::nullopt;
  }
  const Value size = base.exact ? of_exact(base.exact->negated()) : of_real(negated(base.re));
  auto result = root(size, exponent);
  if (!result || power.numerator() % 2 == 0) return result;
  if (result->exact) return of_exact(result->exact->negated());
  return of(negated(std::move(result->re)), negated(std::move(result->im)));
}

// Factorials, and functions of exact numbers that are exact themselves.
std::optional<Value> Evaluator::exact_call(const Node& node, const std::vector<Value>& arguments) {
  Node call{node.kind, node.text, std::nullopt, false, 10, {}};
  for (const Value& argument : arguments) {
    if (!argument.exact) return std::nullopt;
    call.children.push_back({NodeKind::kNumber, "", argument.exact, false, 10, {}});
  }
  const auto exact = exact_value(call, budget_);
  return exact ? std::optional(of_exact(*exact)) : std::nullopt;
}

std::optional<Value> Evaluator::call(const Node& node) {
  if (is_operated(node)) return applied(node);
  std::vector<Value> arguments;
  for (const Node& child : node.children) {
    auto argument = value(child);
    if (!argument) return std::nullopt;
    arguments.push_back(*std::move(argument));
  }
  if (auto exact = exact_call(node, arguments)) return exact;
  if (node.kind == NodeKind::kFactorial || arguments.empty()) return std::nullopt;
  if (node.text == "max" || node.text == "min") return largest_or_smallest(node.text, arguments);
  if (arguments.size() == 1) return function_of(node.text, arguments[0]);
  if (node.text != "log" || arguments.size() != 2) return std::nullopt;
  const auto top = logarithm_of(arguments[0]), base = logarithm_of(arguments[1]);
  return top && base ? divided(*top, *base) : std::nullopt;
}

std::optional<Value> Evaluator::largest_or_smallest(const std::string& name, const std::vector<Value>& arguments) {
  std::optional<Value> best = arguments[0];
  for (const Value& argument : arguments) {
    if (!argument.is_real() || !best->is_real()) return std::nullopt;
    const Ball step = difference(real_part(argument), real_part(*best), precision_);
    const int sign = step.sign();
    if (sign == 0 && !step.is_exact_zero() && &argument != &arguments[0]) return std::nullopt;
    if ((name == "max") == (sign > 0) && sign != 0) best = argument;
  }
  return best;
}

}  // namespace qreason::math
