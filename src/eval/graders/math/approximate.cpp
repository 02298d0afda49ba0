#include "eval/graders/math/approximate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>

namespace qreason::math {
namespace {

constexpr double kLargest = 1e100;
constexpr double kLost = 1e-10;  // of the largest term of a sum

struct Function {
  std::string_view name;
  double (*value)(double);
};
constexpr std::array<Function, 15> kFunctions = {{
    {"sin", [](double x) { return std::sin(x); }},
    {"cos", [](double x) { return std::cos(x); }},
    {"tan", [](double x) { return std::tan(x); }},
    {"cot", [](double x) { return 1 / std::tan(x); }},
    {"sec", [](double x) { return 1 / std::cos(x); }},
    {"csc", [](double x) { return 1 / std::sin(x); }},
    {"exp", [](double x) { return std::exp(x); }},
    {"ln", [](double x) { return std::log(x); }},
    {"sqrt", [](double x) { return std::sqrt(x); }},
    {"abs", [](double x) { return std::abs(x); }},
    {"arctan", [](double x) { return std::atan(x); }},
    {"sinh", [](double x) { return std::sinh(x); }},
    {"cosh", [](double x) { return std::cosh(x); }},
    {"tanh", [](double x) { return std::tanh(x); }},
    {"sgn", [](double x) { return x > 0   ? 1.0
                                  : x < 0 ? -1.0
                                          : std::nan(""); }},
}};

class Approximation {
 public:
  explicit Approximation(const Point& point) : point_(point) {}

  double of(const Node& n) const {
    switch (n.kind) {
      case NodeKind::kNumber:
        return n.value ? n.value->to_double() : std::nan("");
      case NodeKind::kConstant:
        return n.text == "pi" ? std::numbers::pi : n.text == "e" ? std::numbers::e : std::nan("");
      case NodeKind::kSymbol: {
        const Rational* value = point_.find(n.text);
        return value != nullptr ? value->to_double() : std::nan("");
      }
      case NodeKind::kNegation:
        return -of(n.children[0]);
      case NodeKind::kSum:
        return sum(n);
      case NodeKind::kProduct: {
        double product = n.text.empty() ? 1 : std::nan("");
        for (const Node& child : n.children) product *= of(child);
        return product;
      }
      case NodeKind::kQuotient:
        return of(n.children[0]) / of(n.children[1]);
      case NodeKind::kPower:
        return power(n);
      case NodeKind::kCall:
        return call(n);
      default:
        return std::nan("");
    }
  }

 private:
  double sum(const Node& n) const {
    double total = 0, largest = 0;
    for (const Node& child : n.children) {
      const double term = of(child);
      total += term;
      largest = std::max(largest, std::abs(term));
    }
    return std::abs(total) > kLost * largest ? total : std::nan("");
  }

  // Of negative numbers whole powers alone.
  double power(const Node& n) const {
    const double base = of(n.children[0]), exponent = of(n.children[1]);
    return base > 0 || std::nearbyint(exponent) == exponent ? std::pow(base, exponent) : std::nan("");
  }

  double call(const Node& n) const {
    if (n.children.size() != 1) return std::nan("");
    for (const Function& function : kFunctions)
      if (n.text == function.name) return function.value(of(n.children[0]));
    return std::nan("");
  }

  const Point& point_;
};

}  // namespace

std::optional<double> approximate_value(const Node& node, const Point& point) {
  const double value = Approximation(point).of(node);
  const bool known = std::isfinite(value) && std::abs(value) < kLargest && std::abs(value) > 1 / kLargest;
  return known ? std::optional(value) : std::nullopt;
}

}  // namespace qreason::math
