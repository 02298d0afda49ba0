#include "eval/graders/math/bends.h"

#include <algorithm>
#include <cmath>

#include "eval/graders/math/approximate.h"
#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/piecewise.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxBends = 12;
constexpr std::size_t kMaxSizes = 8;
constexpr std::size_t kMaxSizeBits = 2000;
constexpr int kHalvings = 16;
constexpr int kSignPrecision = 96;
constexpr std::int64_t kStepsInDoubles = 200;

Node difference(const Node& a, const Node& b) {
  return make_node(NodeKind::kSum, pair(a, make_node(NodeKind::kNegation, single(b))));
}

class Collector {
 public:
  void collect(const Node& node) {
    if (node.kind == NodeKind::kCall) call(node);
    if (node.kind == NodeKind::kPower && node.children[1].kind == NodeKind::kQuotient) root_of(node.children[0]);
    if (node.kind == NodeKind::kPiecewise)
      for (Node& argument : condition_arguments(node)) add(std::move(argument), Bend::kJumps);
    for (const Node& child : node.children) collect(child);
  }

  Bends bends;

 private:
  void add(Node argument, Bend::Kind kind) {
    if (!has_variables(argument)) return;
    if (bends.list.size() < kMaxBends)
      bends.list.push_back({std::move(argument), kind});
    else
      bends.complete = bends.complete && kind == Bend::kDomain;
  }

  // A root of an even power is an absolute value.
  void root_of(const Node& argument) {
    const bool square = argument.kind == NodeKind::kPower && argument.children[1].kind == NodeKind::kNumber;
    square ? add(argument.children[0], Bend::kPieces) : add(argument, Bend::kDomain);
  }

  void call(const Node& node) {
    const Node& first = node.children[0];
    if (node.text == "abs") add(first, Bend::kPieces);
    if (node.text == "sgn") add(first, Bend::kJumps);
    if (node.text == "sqrt") root_of(first);
    if (node.text == "ln" || node.text == "log") add(first, Bend::kDomain);
    if (node.text == "floor" || node.text == "ceil") {
      add(first, Bend::kJumps);
      add(difference(first, number_node("1")), Bend::kJumps);
    }
    // A greatest divisor is another where one argument is the other.
    const bool whole = node.text == "gcd" || node.text == "lcm";
    if (node.text != "max" && node.text != "min" && !whole) return;
    for (std::size_t i = 0; i < node.children.size(); ++i)
      for (std::size_t j = i + 1; j < node.children.size(); ++j)
        add(difference(node.children[i], node.children[j]), whole ? Bend::kJumps : Bend::kPieces);
  }
};

void add_sizes(const Node& node, std::vector<Rational>& sizes, Budget& budget) {
  if (sizes.size() >= kMaxSizes) return;
  if (!has_variables(node)) {
    const auto value = exact_value(node, budget);
    if (value && !value->is_zero() && value->bits() <= kMaxSizeBits) {
      const Rational size = value->absolute();
      if (std::find(sizes.begin(), sizes.end(), size) == sizes.end()) sizes.push_back(size);
    }
  }
  for (const Node& child : node.children) add_sizes(child, sizes, budget);
}

void set(Point& point, const std::string& name, const Rational& value) {
  for (auto& [known, old] : point.values)
    if (known == name) old = value;
}

// Of (x, y) for x = 0..3: linear, quadratic, or neither.
std::optional<Zeros> polynomial_zeros(const Bend& bend, const std::string& name, Point& point, Budget& budget) {
  Rational y[4];
  for (int x = 0; x < 4; ++x) {
    set(point, name, Rational(x));
    Evaluator evaluator(point, kSignPrecision, budget);
    const auto value = evaluator.value(bend.argument);
    if (!value || !value->exact) return std::nullopt;
    y[x] = *value->exact;
  }
  const auto step = [&](int x) { return y[x + 1].plus(y[x].negated()); };
  const auto first = step(0), second = step(1), third = step(2);
  if (!first || !second || !third) return std::nullopt;
  const auto bow = second->plus(first->negated()), next_bow = third->plus(second->negated());
  if (!bow || !next_bow || !(*bow == *next_bow)) return std::nullopt;
  if (bow->is_zero()) {
    if (first->is_zero()) return Zeros{.constant = true};
    const auto zero = y[0].negated().over(*first);
    return zero ? std::optional(Zeros{.at = {*zero}, .complete = true}) : std::nullopt;
  }
  // y = y0 + slope x + square x^2
  const double square = bow->to_double() / 2, slope = first->to_double() - square, start = y[0].to_double();
  const double inside = slope * slope - 4 * square * start;
  const double doubt = 1e-9 * (slope * slope + std::abs(4 * square * start));
  if (!std::isfinite(inside)) return std::nullopt;
  if (inside < -doubt) return Zeros{.complete = true};
  const double root = std::sqrt(std::max(inside, 0.0));
  return Zeros{.at = {close_fraction((-slope - root) / (2 * square)), close_fraction((-slope + root) / (2 * square))},
               .complete = true};
}

}  // namespace

Rational close_fraction(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  const auto digits = static_cast<std::int64_t>(std::nearbyint(std::ldexp(mantissa, 48)));
  const int shift = exponent - 48;
  const Integer unit = Integer(1) << static_cast<unsigned>(std::abs(shift));
  const auto result = shift >= 0 ? Rational::of(digits * unit, 1) : Rational::of(digits, unit);
  return result.value_or(Rational(0));
}

Bends bends_of(const Node& a, const Node& b) {
  Collector collector;
  collector.collect(a);
  collector.collect(b);
  return std::move(collector.bends);
}

std::vector<Rational> sizes_of_numbers(const Node& a, const Node& b, Budget& budget) {
  std::vector<Rational> sizes = {Rational(1)};
  add_sizes(a, sizes, budget);
  add_sizes(b, sizes, budget);
  std::sort(sizes.begin(), sizes.end(), [](const Rational& x, const Rational& y) { return x.less_than(y); });
  return sizes;
}

std::optional<int> sign_at(const Bend& bend, const Point& point, Budget& budget) {
  Evaluator evaluator(point, kSignPrecision, budget);
  const auto value = evaluator.value(bend.argument);
  if (!value || !value->is_real()) return std::nullopt;
  return value->exact ? value->exact->sign() : value->re.sign();
}

Zeros zeros_of(const Bend& bend, const std::string& name, Point point, const std::vector<Rational>& sizes,
               Budget& budget) {
  if (const auto solved = polynomial_zeros(bend, name, point, budget)) return *solved;
  std::vector<Rational> grid;
  const auto add = [&](const Rational& size, std::int64_t top, std::int64_t bottom) {
    if (const auto x = size.times(*Rational::of(top, bottom))) grid.insert(grid.end(), {*x, x->negated()});
  };
  for (const Rational& size : sizes)
    for (const auto& [top, bottom] : {std::pair{1, 3}, {1, 1}, {3, 1}}) add(size, top, bottom);
  if (!sizes.empty()) {
    add(sizes.front(), 1, 1000);
    add(sizes.back(), 1000, 1);
  }
  std::sort(grid.begin(), grid.end(), [](const Rational& x, const Rational& y) { return x.less_than(y); });
  // Where the zeros are is a question of where to look, and needs no proof.
  const auto sign = [&](const Rational& x) {
    set(point, name, x);
    if (const auto value = approximate_value(bend.argument, point); value && budget.spend(kStepsInDoubles))
      return *value > 0 ? 1 : -1;
    return sign_at(bend, point, budget).value_or(0);
  };
  Zeros zeros;
  int before = 0;
  for (std::size_t i = 0; i < grid.size() && zeros.at.size() < 4 && !budget.used_up(); ++i) {
    const int now = sign(grid[i]);
    if (i > 0 && now * before < 0) {
      double low = grid[i - 1].to_double(), high = grid[i].to_double();
      if (!std::isfinite(low) || !std::isfinite(high)) continue;
      for (int step = 0; step < kHalvings; ++step) {
        const double middle = (low + high) / 2;
        (sign(close_fraction(middle)) == before ? low : high) = middle;
      }
      zeros.at.push_back(close_fraction((low + high) / 2));
    }
    before = now;
  }
  return zeros;
}

}  // namespace qreason::math
