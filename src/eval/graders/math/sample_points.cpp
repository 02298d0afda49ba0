#include "eval/graders/math/sample_points.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxPoints = 32;
constexpr std::size_t kMaxSymbols = 40;

// Sizes by which the symbols of a point are multiplied; a point's signs are all +, all -, or mixed.
struct Scale {
  std::int64_t top, bottom;
  enum { kPositive, kNegative, kMixed } signs;
};
constexpr Scale kScales[] = {{1, 1, Scale::kPositive},  {1, 1, Scale::kNegative},    {3, 1, Scale::kMixed},
                             {1, 64, Scale::kPositive}, {7, 1, Scale::kPositive},    {1, 8, Scale::kMixed},
                             {40, 1, Scale::kMixed},    {1000, 1, Scale::kPositive}, {1000, 1, Scale::kNegative},
                             {1, 2, Scale::kPositive}};

using Names = std::set<std::string>;

void collect_whole(const Node& node, Names& names, Budget& budget) {
  const auto add_all = [&](const Node& n) {
    for (std::string& name : symbols_of(n)) names.insert(std::move(name));
  };
  const bool of_whole =
      node.kind == NodeKind::kFactorial ||
      (node.kind == NodeKind::kCall && (node.text == "binom" || node.text == "gcd" || node.text == "lcm"));
  if (of_whole) add_all(node);
  if (node.kind == NodeKind::kPower && !has_variables(node.children[0])) {
    const auto base = exact_value(node.children[0], budget);
    const bool root_of_one = node.children[0].kind == NodeKind::kConstant && node.children[0].text == "i";
    if (root_of_one || (base && base->sign() < 0)) add_all(node.children[1]);
  }
  for (const Node& child : node.children) collect_whole(child, names, budget);
}

// What changes its form where it is zero: arguments of |.|, roots, floors, and differences of arguments of max and min.
void collect_bends(const Node& node, std::vector<Node>& arguments) {
  if (arguments.size() >= 8) return;
  const bool even_root = node.kind == NodeKind::kPower && node.children[1].kind == NodeKind::kQuotient;
  const bool bends =
      node.kind == NodeKind::kCall && (node.text == "abs" || node.text == "sqrt" || node.text == "floor" ||
                                       node.text == "ceil" || node.text == "ln" || node.text == "log");
  if ((bends || even_root) && has_variables(node.children[0])) arguments.push_back(node.children[0]);
  if (node.kind == NodeKind::kCall && (node.text == "max" || node.text == "min")) {
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      Node minus{NodeKind::kNegation, "", std::nullopt, false, 10, {}};
      minus.children.push_back(node.children[i]);
      Node difference{NodeKind::kSum, "", std::nullopt, false, 10, {}};
      difference.children = {node.children[0], std::move(minus)};
      arguments.push_back(std::move(difference));
    }
  }
  for (const Node& child : node.children) collect_bends(child, arguments);
}

double uniform(const std::string& name, std::size_t point, std::uint64_t index) {
  return counter_uniform(0x5eed, stable_hash(name), point, index);
}

Rational fraction(double value) {
  const double bounded = std::clamp(value, -1e9, 1e9);
  return *Rational::of(static_cast<std::int64_t>(std::nearbyint(bounded * 65536)), 65536);
}

Rational whole_value(const std::string& name, std::size_t point) {
  return Rational(static_cast<std::int64_t>(uniform(name, point, 2) * (point < 5 ? 7 : 14)) + (point % 2 == 0 ? 1 : 2));
}

Rational real_value(const std::string& name, std::size_t point) {
  const Scale& scale = kScales[point % std::size(kScales)];
  const double size = 0.5 + 1.5 * uniform(name, point, 0);
  const bool minus = scale.signs == Scale::kNegative || (scale.signs == Scale::kMixed && uniform(name, point, 1) < 0.5);
  const double signed_size =
      (minus ? -size : size) * static_cast<double>(scale.top) / static_cast<double>(scale.bottom);
  return fraction(signed_size);
}

// Zeros, as a function of `name`, of what is linear or quadratic in it, at `point`.
std::vector<double> zeros(const Node& argument, const std::string& name, Point point, Budget& budget) {
  double y[4];
  for (int x = 0; x < 4; ++x) {
    for (auto& [known, value] : point.values)
      if (known == name) value = Rational(x);
    Evaluator evaluator(point, 128, budget);
    const auto value = evaluator.value(argument);
    if (!value || !value->exact) return {};
    y[x] = value->exact->to_double();
  }
  const double square = (y[2] - 2 * y[1] + y[0]) / 2;
  const double slope = y[1] - y[0] - square;
  const double size = std::abs(y[0]) + std::abs(y[1]) + std::abs(y[2]) + std::abs(y[3]);
  if (std::abs(y[3] - (y[0] + 3 * slope + 9 * square)) > 1e-9 * size) return {};
  if (std::abs(square) <= 1e-12 * size) {
    if (slope == 0) return {};
    return {-y[0] / slope};
  }
  const double inside = slope * slope - 4 * square * y[0];
  if (inside < 0) return {};
  return {(-slope - std::sqrt(inside)) / (2 * square), (-slope + std::sqrt(inside)) / (2 * square)};
}

// Between and beyond the zeros, and close to them.
void add_pieces(const Node& a, const Node& b, const std::vector<std::string>& names, const Names& whole, Budget& budget,
                std::vector<Point>& points) {
  std::vector<Node> bends;
  collect_bends(a, bends);
  collect_bends(b, bends);
  const std::vector<Point> bases(points.begin(), points.begin() + std::min<std::ptrdiff_t>(2, std::ssize(points)));
  for (const Point& base : bases) {
    for (const std::string& name : names) {
      if (whole.contains(name)) continue;
      std::vector<double> at;
      for (const Node& bend : bends)
        for (const double zero : zeros(bend, name, base, budget)) at.push_back(zero);
      if (at.empty()) continue;
      std::sort(at.begin(), at.end());
      std::vector<double> inside = {at.front() - 1.3, at.front() - 40.7, at.back() + 1.3, at.back() + 40.7};
      for (std::size_t i = 0; i + 1 < at.size(); ++i) {
        inside.push_back(at[i] + 0.37 * (at[i + 1] - at[i]));
        inside.push_back(at[i] + 0.81 * (at[i + 1] - at[i]));
      }
      for (const double x : inside) {
        if (points.size() >= kMaxPoints) return;
        Point point = base;
        for (auto& [known, value] : point.values)
          if (known == name) value = fraction(x);
        points.push_back(std::move(point));
      }
    }
  }
}

}  // namespace

std::vector<Point> sample_points(const Node& a, const Node& b, Budget& budget) {
  std::vector<std::string> names = symbols_of(a);
  for (std::string& name : symbols_of(b)) names.push_back(std::move(name));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.size() > kMaxSymbols || !budget.spend(1000 + 400 * static_cast<std::int64_t>(names.size()))) return {};
  Names whole;
  collect_whole(a, whole, budget);
  collect_whole(b, whole, budget);
  std::vector<Point> points;
  for (std::size_t i = 0; i < std::size(kScales); ++i) {
    Point point;
    for (const std::string& name : names)
      point.values.emplace_back(name, whole.contains(name) ? whole_value(name, i) : real_value(name, i));
    points.push_back(std::move(point));
  }
  add_pieces(a, b, names, whole, budget, points);
  return points;
}

}  // namespace qreason::math
