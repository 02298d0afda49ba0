#include "eval/graders/math/value_range.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qreason::math {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr ValueRange kAny = {-kInfinity, kInfinity};
constexpr ValueRange kNotNegative = {0, kInfinity};

// Outwards by more than the rounding of one operation; what is 0 stays 0.
ValueRange outwards(double low, double high) {
  const auto moved = [](double x, double to) { return x == 0 ? 0 : std::nextafter(std::nextafter(x, to), to); };
  return {moved(low, -kInfinity), moved(high, kInfinity)};
}

double bound_product(double a, double b) {
  return a == 0 || b == 0 ? 0 : a * b;
}

ValueRange product(const ValueRange& a, const ValueRange& b) {
  const double ends[] = {bound_product(a.low, b.low), bound_product(a.low, b.high), bound_product(a.high, b.low),
                         bound_product(a.high, b.high)};
  return outwards(*std::min_element(std::begin(ends), std::end(ends)),
                  *std::max_element(std::begin(ends), std::end(ends)));
}

ValueRange inverse(const ValueRange& a) {
  if (a.low > 0) return outwards(a.high == kInfinity ? 0 : 1 / a.high, 1 / a.low);
  if (a.high < 0) return outwards(1 / a.high, a.low == -kInfinity ? 0 : 1 / a.low);
  if (a.low == 0) return kNotNegative;
  return a.high == 0 ? ValueRange{-kInfinity, 0} : kAny;
}

ValueRange power(const Node& node) {
  const ValueRange base = range_of(node.children[0]);
  const Node& exponent = node.children[1];
  const auto whole = exponent.value ? exponent.value->to_int64() : std::nullopt;
  if (whole && *whole % 2 == 0) {
    const double nearest = base.low <= 0 && base.high >= 0 ? 0 : std::min(std::abs(base.low), std::abs(base.high));
    const double square = nearest * nearest;
    return outwards(*whole == 2 ? square : 0, kInfinity);
  }
  return base.low >= 0 ? kNotNegative : kAny;
}

ValueRange call(const Node& node) {
  const auto is = [&](const char* name) { return node.text == name; };
  if (is("sin") || is("cos") || is("tanh")) return {-1, 1};
  if (is("abs") || is("sqrt") || is("exp") || is("arccos") || is("cosh")) return kNotNegative;
  if (is("arctan") || is("arcsin")) return {-1.5708, 1.5708};
  if (!is("max") && !is("min")) return kAny;
  ValueRange all = range_of(node.children[0]);
  for (const Node& child : node.children) {
    const ValueRange other = range_of(child);
    all = is("max") ? ValueRange{std::max(all.low, other.low), std::max(all.high, other.high)}
                    : ValueRange{std::min(all.low, other.low), std::min(all.high, other.high)};
  }
  return all;
}

}  // namespace

ValueRange range_of(const Node& node) {
  switch (node.kind) {
    case NodeKind::kNumber: {
      if (!node.value) return kAny;
      const double value = node.value->to_double();
      return outwards(value, value);
    }
    case NodeKind::kConstant:
      return node.text == "pi" ? ValueRange{3.14, 3.15} : node.text == "e" ? ValueRange{2.71, 2.72} : kAny;
    case NodeKind::kSum: {
      ValueRange sum = {0, 0};
      for (const Node& child : node.children) {
        const ValueRange term = range_of(child);
        sum = outwards(sum.low + term.low, sum.high + term.high);
      }
      return sum;
    }
    case NodeKind::kProduct: {
      ValueRange result = {1, 1};
      for (const Node& child : node.children) result = product(result, range_of(child));
      return result;
    }
    case NodeKind::kQuotient:
      return product(range_of(node.children[0]), inverse(range_of(node.children[1])));
    case NodeKind::kNegation: {
      const ValueRange inner = range_of(node.children[0]);
      return {-inner.high, -inner.low};
    }
    case NodeKind::kPower:
      return power(node);
    case NodeKind::kCall:
      return call(node);
    default:
      return kAny;
  }
}

}  // namespace qreason::math
