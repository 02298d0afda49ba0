#include "eval/graders/math/sample_points.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/random.h"
#include "eval/graders/math/bends.h"
#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/value_range.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxPoints = 60;
constexpr std::size_t kMixedPoints = 6;
constexpr std::size_t kFewZeros = 4;  // two points lie between each two of so many, one of more
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

double uniform(const std::string& name, std::size_t point, std::uint64_t index) {
  return counter_uniform(0x5eed, stable_hash(name), point, index);
}

// Over a power of two, whose fractions are cheap; every fifth over a prime, so that no period of a sine or floor is hit
// by all.
Rational fraction(double value, std::size_t point) {
  const std::int64_t below = point % 5 == 3 ? 65'521 : 65'536;
  return *Rational::of(static_cast<std::int64_t>(std::nearbyint(value * static_cast<double>(below))), below);
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
  return fraction(signed_size, point);
}

// Points that are added for pieces, each a value of one symbol at a base, in turns of bases and symbols.
class Pieces {
 public:
  Pieces(const Node& a, const Node& b, const Names& whole, Budget& budget) : whole_(whole), budget_(budget) {
    Bends bends = bends_of(a, b);
    bends_ = std::move(bends.list);
    complete_ = bends.complete;
    if (!bends_.empty()) sizes_ = sizes_of_numbers(a, b, budget);
    solved_.assign(bends_.size(), false);
    constant_.assign(bends_.size(), true);
  }

  void add(const std::vector<std::string>& names, std::vector<Point>& points) {
    if (bends_.empty()) return;
    const std::ptrdiff_t count = only_domains() || names.size() == 1 ? 1 : 2;
    const std::vector<Point> bases(points.begin(), points.begin() + std::min(count, std::ssize(points)));
    std::vector<std::vector<Rational>> all(names.size());
    for (const Point& base : bases) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        const std::vector<Rational> values = values_of(names[i], base);
        all[i].insert(all[i].end(), values.begin(), values.end());
        for (const Rational& value : values) {
          if (points.size() >= kMaxPoints) break;
          points.push_back(base);
          points.back().values[i].second = value;
        }
      }
    }
    if (names.size() > 1 && !only_domains()) add_mixed(names, all, points);
  }

  bool none() const { return bends_.empty(); }
  bool only_domains() const {
    return std::all_of(bends_.begin(), bends_.end(), [](const Bend& bend) { return bend.kind == Bend::kDomain; });
  }

  std::vector<Node> missing(const std::vector<Point>& points) {
    std::vector<Node> arguments;
    if (!complete_) arguments.push_back(make_node(NodeKind::kText, {}, "more bends"));
    for (std::size_t i = 0; i < bends_.size(); ++i) {
      if (bends_[i].kind == Bend::kDomain || solved_[i] || constant_[i] || range_of(bends_[i].argument).one_sign())
        continue;
      bool above = false, below = false;
      for (const Point& point : points) {
        const int sign = sign_at(bends_[i], point, budget_).value_or(0);
        above = above || sign > 0;
        below = below || sign < 0;
      }
      if (!above || !below) arguments.push_back(bends_[i].argument);
    }
    return arguments;
  }

 private:
  // Zeros of all bends, between and beyond them, close to them; sizes of numbers where zeros may be missing.
  std::vector<Rational> values_of(const std::string& name, const Point& base) {
    std::vector<Rational> zeros, values;
    bool missing = false;
    for (std::size_t i = 0; i < bends_.size(); ++i) {
      const Zeros found = zeros_of(bends_[i], name, base, sizes_, budget_);
      zeros.insert(zeros.end(), found.at.begin(), found.at.end());
      if (bends_[i].kind == Bend::kJumps) values.insert(values.end(), found.at.begin(), found.at.end());
      solved_[i] = solved_[i] || found.complete;
      constant_[i] = constant_[i] && found.constant;
      missing = missing || !(found.complete || found.constant);
    }
    std::sort(zeros.begin(), zeros.end(), [](const Rational& x, const Rational& y) { return x.less_than(y); });
    const auto add = [&](const std::optional<Rational>& value) {
      if (value) values.push_back(*value);
    };
    if (!zeros.empty()) {
      for (const std::int64_t tenths : {13, 407}) {
        if (tenths > 13 && only_domains()) break;
        add(zeros.front().plus(tenths_of(-tenths)));
        add(zeros.back().plus(tenths_of(tenths)));
      }
    }
    for (std::size_t i = 0; i + 1 < zeros.size(); ++i) {
      const auto step = zeros[i + 1].plus(zeros[i].negated());
      for (const std::int64_t share : {37, 81}) {
        if (share == 81 && zeros.size() > kFewZeros) break;
        if (const auto part = step ? step->times(*Rational::of(share, 100)) : std::nullopt) add(zeros[i].plus(*part));
      }
    }
    if (missing) add_sizes(values);
    if (whole_.contains(name)) make_whole(values);
    return values;
  }

  static Rational tenths_of(std::int64_t count) { return *Rational::of(count, 10); }

  void add_sizes(std::vector<Rational>& values) const {
    for (const Rational& size : sizes_) {
      if (size == Rational(1)) continue;
      for (const std::int64_t times : {1, 3})
        if (const auto value = size.times(Rational(times))) values.insert(values.end(), {*value, value->negated()});
    }
  }

  static void make_whole(std::vector<Rational>& values) {
    for (Rational& value : values) value = *Rational::of(value.absolute().floor(), 1);
    std::sort(values.begin(), values.end(), [](const Rational& x, const Rational& y) { return x.less_than(y); });
    values.erase(std::unique(values.begin(), values.end()), values.end());
  }

  // Each symbol at one of its own values: pieces that only several of them together reach.
  void add_mixed(const std::vector<std::string>& names, const std::vector<std::vector<Rational>>& all,
                 std::vector<Point>& points) const {
    for (std::size_t round = 0; round < kMixedPoints; ++round) {
      Point point = points.front();
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (all[i].empty()) continue;
        const auto at = static_cast<std::size_t>(uniform(names[i], round, 3) * static_cast<double>(all[i].size()));
        point.values[i].second = all[i][std::min(at, all[i].size() - 1)];
      }
      points.push_back(std::move(point));
    }
  }

  std::vector<Bend> bends_;
  bool complete_ = true;
  const Names& whole_;
  Budget& budget_;
  std::vector<Rational> sizes_;
  std::vector<bool> solved_;    // in some symbol
  std::vector<bool> constant_;  // in all symbols
};

}  // namespace

namespace {

// Defined by one power series around every point: no inverse of a periodic function, no power but of whole exponents or
// of positive numbers.
bool is_analytic(const Node& n) {
  static constexpr std::array<std::string_view, 11> kAnalytic = {"sin", "cos",  "tan",  "cot",  "sec", "csc",
                                                                 "exp", "sinh", "cosh", "tanh", "sqrt"};
  if (n.kind == NodeKind::kCall && n.text != "ln" && n.text != "log" &&
      std::find(kAnalytic.begin(), kAnalytic.end(), n.text) == kAnalytic.end())
    return false;
  if (n.kind == NodeKind::kPower && has_variables(n.children[0]) && !is_integer_node(n.children[1])) {
    const bool root = n.children[1].kind == NodeKind::kQuotient || n.children[1].decimal;
    if (!root && !(n.children[1].kind == NodeKind::kNegation && is_integer_node(n.children[1].children[0])))
      return false;
  }
  if (n.kind == NodeKind::kFactorial || n.kind == NodeKind::kApply || n.kind == NodeKind::kPiecewise) return false;
  return std::all_of(n.children.begin(), n.children.end(), is_analytic);
}

constexpr std::size_t kEnoughAnalytic = 4, kEnoughOnDomains = 6;

}  // namespace

Samples sample_points(const Node& a, const Node& b, Budget& budget) {
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
  Pieces pieces(a, b, whole, budget);
  const std::vector<Point> others(points.begin() + 2, points.end());
  points.resize(2);
  pieces.add(names, points);
  const std::size_t first = points.size();
  points.insert(points.end(), others.begin(), others.end());
  const bool analytic = whole.empty() && pieces.only_domains() && is_analytic(a) && is_analytic(b);
  const std::size_t enough = !analytic ? points.size() + 1 : pieces.none() ? kEnoughAnalytic : kEnoughOnDomains;
  std::vector<Node> missing = pieces.missing(points);
  return {std::move(points), std::move(missing), enough, first};
}

}  // namespace qreason::math
