// The exact half of evaluate.h: rational operations on numbers of any size.
#include <algorithm>

#include "eval/graders/math/evaluate.h"

namespace qreason::math {
namespace {

constexpr std::int64_t kMostFactors = 2500;  // 2500! has 24000 bits

class ExactEvaluator {
 public:
  explicit ExactEvaluator(Budget& budget) : budget_(budget) {}

  std::optional<Rational> value(const Node& node) {
    if (!budget_.spend(8)) return std::nullopt;
    switch (node.kind) {
      case NodeKind::kNumber:
      case NodeKind::kBased:
        return node.value;
      case NodeKind::kSum:
        return folded(node, [](const Rational& a, const Rational& b) { return a.plus(b); });
      case NodeKind::kProduct:
        return folded(node, [](const Rational& a, const Rational& b) { return a.times(b); });
      case NodeKind::kQuotient:
      case NodeKind::kRatio:
        return folded(node, [](const Rational& a, const Rational& b) { return a.over(b); });
      case NodeKind::kPower:
        return power(node);
      case NodeKind::kNegation: {
        const auto child = value(node.children[0]);
        return child ? std::optional(child->negated()) : std::nullopt;
      }
      case NodeKind::kPercent: {
        const auto child = value(node.children[0]);
        return child ? child->over(Rational(100)) : std::nullopt;
      }
      case NodeKind::kMeasure:
        return value(node.children[0]);
      case NodeKind::kFactorial:
        return factorial(value(node.children[0]));
      case NodeKind::kCall:
        return call(node);
      default:
        return std::nullopt;
    }
  }

 private:
  bool pay(const Rational& result) {
    const auto words = static_cast<std::int64_t>(result.bits() / 64 + 1);
    return budget_.spend(16 * words * words);  // a greatest common divisor each
  }

  template <class Combine>
  std::optional<Rational> folded(const Node& node, Combine combine) {
    if (node.kind == NodeKind::kRatio && node.children.size() != 2) return std::nullopt;
    auto result = value(node.children[0]);
    for (std::size_t i = 1; i < node.children.size() && result; ++i) {
      const auto next = value(node.children[i]);
      if (!next) return std::nullopt;
      result = combine(*result, *next);
      if (!result || !pay(*result)) return std::nullopt;
    }
    return result;
  }

  std::optional<Rational> power(const Node& node) {
    const auto exponent = value(node.children[1]);
    const auto whole = exponent ? exponent->to_int64() : std::nullopt;
    const auto base = whole ? value(node.children[0]) : std::nullopt;
    if (!base || (base->is_zero() && *whole == 0)) return std::nullopt;
    auto result = base->to_power(*whole);
    return result && pay(*result) ? result : std::nullopt;
  }

  std::optional<Rational> factorial(const std::optional<Rational>& argument) {
    const auto n = argument ? argument->to_int64() : std::nullopt;
    if (!n || *n < 0 || *n > kMostFactors || !budget_.spend(*n * (*n / 16 + 1))) return std::nullopt;
    Integer result = 1;
    for (std::int64_t k = 2; k <= *n; ++k) result *= k;
    return Rational::of(std::move(result), 1);
  }

  std::optional<Rational> binomial(const Rational& n, const Rational& chosen) {
    auto k = chosen.to_int64();
    if (!k || *k < 0) return std::nullopt;
    if (const auto whole = n.to_int64(); whole && *whole >= 0) {
      if (*k > *whole) return Rational(0);
      k = std::min(*k, *whole - *k);
    }
    if (*k > kMostFactors) return std::nullopt;
    std::optional<Rational> result = Rational(1);
    for (std::int64_t j = 1; j <= *k && result; ++j) {
      const auto factor = n.plus(Rational(j - *k));
      if (factor) result = result->times(*factor);
      if (!factor || !result || !pay(*result)) return std::nullopt;
      result = result->over(Rational(j));
    }
    return result;
  }

  std::optional<Rational> call(const Node& node) {
    std::vector<Rational> arguments;
    for (const Node& child : node.children) {
      auto argument = value(child);
      if (!argument) return std::nullopt;
      arguments.push_back(*std::move(argument));
    }
    if (arguments.empty()) return std::nullopt;
    const Rational& first = arguments[0];
    if (node.text == "doublefactorial") return double_factorial(first);
    const auto less = [](const Rational& a, const Rational& b) { return a.less_than(b); };
    if (node.text == "abs" && arguments.size() == 1) return first.absolute();
    if (node.text == "floor" && arguments.size() == 1) return Rational::of(first.floor(), 1);
    if (node.text == "ceil" && arguments.size() == 1) return Rational::of(-first.negated().floor(), 1);
    if (node.text == "max") return *std::max_element(arguments.begin(), arguments.end(), less);
    if (node.text == "min") return *std::min_element(arguments.begin(), arguments.end(), less);
    if (node.text == "binom" && arguments.size() == 2) return binomial(first, arguments[1]);
    if (node.text == "gcd" || node.text == "lcm") return common(node.text, arguments);
    if (node.text == "sqrt" && arguments.size() == 1) return square_root(first);
    return std::nullopt;
  }

  std::optional<Rational> double_factorial(const Rational& argument) {
    const auto n = argument.to_int64();
    if (!n || *n < 0 || *n > kMostFactors || !budget_.spend(*n * (*n / 16 + 1))) return std::nullopt;
    Integer result = 1;
    for (std::int64_t k = *n; k > 1; k -= 2) result *= k;
    return Rational::of(std::move(result), 1);
  }

  std::optional<Rational> common(const std::string& name, const std::vector<Rational>& numbers) {
    Integer result = name == "gcd" ? 0 : 1;
    for (const Rational& number : numbers) {
      if (!number.is_integer()) return std::nullopt;
      result = name == "gcd" ? Integer(boost::multiprecision::gcd(result, number.numerator()))
                             : Integer(boost::multiprecision::lcm(result, number.numerator()));
      const auto words = static_cast<std::int64_t>(number.bits() / 64 + 1);
      if (bit_length(result) > kMaxRationalBits || !budget_.spend(64 * words * words)) return std::nullopt;
    }
    return Rational::of(std::move(result), 1);
  }

  static std::optional<Rational> square_root(const Rational& x) {
    if (x.sign() < 0 || x.bits() > 4096) return std::nullopt;
    Integer rest;
    Integer top = boost::multiprecision::sqrt(x.numerator(), rest);
    if (rest != 0) return std::nullopt;
    Integer bottom = boost::multiprecision::sqrt(x.denominator(), rest);
    if (rest != 0) return std::nullopt;
    return Rational::of(std::move(top), std::move(bottom));
  }

  Budget& budget_;
};

template <class Visit>
void visit(const Node& node, Visit see) {
  see(node);
  for (const Node& child : node.children) visit(child, see);
}

}  // namespace

std::optional<Rational> exact_value(const Node& node, Budget& budget) {
  return ExactEvaluator(budget).value(node);
}

std::vector<std::string> symbols_of(const Node& node) {
  std::vector<std::string> names;
  visit(node, [&](const Node& n) {
    if (n.kind == NodeKind::kSymbol) names.push_back(n.text);
    if (n.kind == NodeKind::kText) names.push_back("text " + n.text);
  });
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool has_variables(const Node& node) {
  return node.kind == NodeKind::kSymbol || node.kind == NodeKind::kText || node.kind == NodeKind::kApply ||
         is_operated(node) || std::any_of(node.children.begin(), node.children.end(), has_variables);
}

bool has_decimals(const Node& node) {
  return node.decimal || std::any_of(node.children.begin(), node.children.end(), has_decimals);
}

}  // namespace qreason::math
