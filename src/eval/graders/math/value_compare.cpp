#include "eval/graders/math/value_compare.h"

#include <algorithm>

#include "eval/graders/math/bends.h"
#include "eval/graders/math/comparison.h"
#include "eval/graders/math/residues.h"
#include "eval/graders/math/sample_points.h"

namespace qreason::math {
namespace {

constexpr int kFirstPrecision = 192;
constexpr int kLastPrecision = 6144;
constexpr int kLastPrecisionAtPoints = 1024;  // of functions: a point that needs more is left out
constexpr std::int64_t kAgreement = 100;      // binary digits to which equal values agree
constexpr std::int64_t kZeroBits = 256;       // below 2^-256 at a precision of 512 bits: zero
constexpr std::size_t kEnoughPoints = 3;

std::int64_t literal_bits(const Node& node) {
  std::int64_t most = node.value ? static_cast<std::int64_t>(node.value->bits()) : 0;
  for (const Node& child : node.children) most = std::max(most, literal_bits(child));
  return most;
}

bool mentions(const Node& node, NodeKind kind, std::string_view text) {
  return (node.kind == kind && node.text == text) ||
         std::any_of(node.children.begin(), node.children.end(),
                     [&](const Node& child) { return mentions(child, kind, text); });
}

std::size_t count_calls(const Node& node) {
  std::size_t count = node.kind == NodeKind::kCall ? 1 : 0;
  for (const Node& child : node.children) count += count_calls(child);
  return count;
}

struct Seen {
  enum { kEqual, kDifferent, kUndefined, kUnclear } what;
  bool left_reals = false;   // one of the two did
  bool one_is_real = false;  // and the other is not, or not defined
};

// Are a and b, known to so many bits, one number?
decltype(Seen::what) together(const Ball& a, const Ball& b, std::int64_t scale, int precision) {
  const Ball step = difference(a, b, precision);
  if (!step.holds_zero()) return Seen::kDifferent;
  if (step.is_exact_zero() || step.radius_top() <= scale - kAgreement) return Seen::kEqual;
  if (a.holds_zero() && b.holds_zero() && step.radius_top() <= -kZeroBits) return Seen::kEqual;
  return Seen::kUnclear;
}

// At one point, with growing precision.
class PointComparison {
 public:
  PointComparison(const Node& a, const Node& b, Budget& budget) : a_(a), b_(b), budget_(budget) {
    first_ = std::max<std::int64_t>(kFirstPrecision, 128 + 2 * std::max(literal_bits(a), literal_bits(b)));
  }

  Seen at(const Point& point, int last_precision) {
    Seen seen{Seen::kUnclear};
    for (std::int64_t precision = first_; precision <= last_precision && !budget_.used_up();) {
      Evaluator left(point, static_cast<int>(precision), budget_), right(point, static_cast<int>(precision), budget_);
      const auto a = left.value(a_), b = right.value(b_);
      seen.left_reals = left.left_reals() || right.left_reals();
      seen.one_is_real = (a && !left.left_reals()) != (b && !right.left_reals());
      if (!a || !b) {
        seen.what = Seen::kUndefined;
        return seen;
      }
      seen.what = one_number(left, *a, right, *b, static_cast<int>(precision));
      if (seen.what == Seen::kDifferent) return seen;
      const std::int64_t needed = std::max(left.deepest_term(), right.deepest_term()) + kAgreement + 28;
      if (seen.what == Seen::kEqual && needed <= precision) return seen;
      seen.what = Seen::kUnclear;
      precision = std::max(2 * precision, needed);
    }
    return seen;
  }

 private:
  static decltype(Seen::what) one_number(const Evaluator& left, const Value& a, const Evaluator& right, const Value& b,
                                         int precision) {
    if (a.exact && b.exact) return *a.exact == *b.exact ? Seen::kEqual : Seen::kDifferent;
    const Ball x = left.real_part(a), y = right.real_part(b);
    const std::int64_t scale = std::max(std::max(x.top(), y.top()), std::max(a.im.top(), b.im.top()));
    const auto real = together(x, y, scale, precision), imaginary = together(a.im, b.im, scale, precision);
    if (real == Seen::kDifferent || imaginary == Seen::kDifferent) return Seen::kDifferent;
    return real == Seen::kEqual && imaginary == Seen::kEqual ? Seen::kEqual : Seen::kUnclear;
  }

  const Node& a_;
  const Node& b_;
  Budget& budget_;
  std::int64_t first_;
};

Decision undecided(const Budget& budget) {
  if (budget.used_up()) return {Outcome::kUndecided, "too large to decide"};
  return {Outcome::kUndecided, "not defined, or too large to decide"};
}

Decision compare_numbers(const Node& a, const Node& b, Budget& budget) {
  switch (PointComparison(a, b, budget).at({}, kLastPrecision).what) {
    case Seen::kEqual:
      return {Outcome::kEqual, "the same number, to 30 digits and more"};
    case Seen::kDifferent:
      return {Outcome::kDifferent, "different numbers"};
    default:
      return undecided(budget);
  }
}

constexpr Decision kMissingPieces{Outcome::kUndecided, "pieces of a function that were not found"};

// The piece that was not seen of |u|, where it is u at all points or -u at all.
Node other_piece(const Node& n, const Residues& argument, const Point& seen, Budget& budget) {
  Node result = n;
  for (Node& child : result.children) child = other_piece(child, argument, seen, budget);
  if (n.kind != NodeKind::kCall || n.text != "abs" || n.children.size() != 1) return result;
  const auto own = residues_of(n.children[0], budget), minus = residues_of(negated_node(n.children[0]), budget);
  if (!own || !minus || !(own->same(argument) || minus->same(argument))) return result;
  const auto sign = sign_at({n.children[0], Bend::kPieces}, seen, budget);
  Node inside = std::move(result.children[0]);
  return sign > 0 ? negated_node(std::move(inside)) : inside;
}

// Whether a and b agree on the pieces of absolute values that no point has seen, too, as functions continued there.
bool agree_on_missing(const Node& a, const Node& b, const Samples& samples, Budget& budget) {
  const Node& argument = samples.missing[0];
  const auto residues = residues_of(argument, budget);
  if (!residues || samples.points.empty()) return false;
  const Point& seen = samples.points[0];
  const Node left = other_piece(a, *residues, seen, budget), right = other_piece(b, *residues, seen, budget);
  const bool changed = count_calls(left) < count_calls(a) || count_calls(right) < count_calls(b);
  return changed && compare_values(left, right, budget).equal();
}

Decision compare_functions(const Node& a, const Node& b, Budget& budget) {
  const Samples samples = sample_points(a, b, budget);
  PointComparison comparison(a, b, budget);
  // "ln|x|" says what it is for negative x, too; "ln x" and "2 ln x" leave it open.
  const bool domain_counts = mentions(a, NodeKind::kCall, "abs") != mentions(b, NodeKind::kCall, "abs") ||
                             mentions(a, NodeKind::kPiecewise, "") || mentions(b, NodeKind::kPiecewise, "");
  const bool complex = mentions(a, NodeKind::kConstant, "i") || mentions(b, NodeKind::kConstant, "i");
  std::size_t equal_reals = 0, equal_complex = 0, different_complex = 0;
  for (std::size_t i = 0; i < samples.points.size(); ++i) {
    if (i >= samples.needed && equal_reals >= samples.enough) break;
    const Seen seen = comparison.at(samples.points[i], kLastPrecisionAtPoints);
    if (domain_counts && seen.one_is_real) return {Outcome::kDifferent, "defined for different numbers"};
    if (seen.what == Seen::kUndefined || seen.what == Seen::kUnclear) continue;
    const bool equal = seen.what == Seen::kEqual;
    if (!seen.left_reals || complex) {
      if (!equal) return {Outcome::kDifferent, "different values at a sample point"};
      ++equal_reals;
    } else {
      ++(equal ? equal_complex : different_complex);
    }
  }
  if (budget.used_up()) return undecided(budget);
  if (!samples.missing.empty() && !agree_on_missing(a, b, samples, budget)) return kMissingPieces;
  if (equal_reals >= kEnoughPoints) return {Outcome::kEqual, "the same values at all sample points"};
  if (equal_reals == 0 && different_complex > 0)
    return {Outcome::kDifferent, "different values at a complex sample point"};
  if (equal_reals == 0 && equal_complex >= kEnoughPoints)
    return {Outcome::kEqual, "the same values at all complex sample points"};
  return undecided(budget);
}

}  // namespace

Decision compare_values(const Node& a, const Node& b, Budget& budget) {
  const auto left = residues_of(a, budget), right = residues_of(b, budget);
  if (left && right) {
    if (left->same(*right)) return {Outcome::kEqual, "the same normal form"};
    if (prove_difference(*left, *right)) return {Outcome::kDifferent, "different normal forms"};
  }
  if (has_variables(a) || has_variables(b)) return compare_functions(a, b, budget);
  return compare_numbers(a, b, budget);
}

std::optional<int> order_of(const Node& a, const Node& b, Budget& budget) {
  if (has_variables(a) || has_variables(b)) return std::nullopt;
  for (int precision = kFirstPrecision; precision <= 1024; precision *= 2) {
    const Point nowhere;
    Evaluator evaluator(nowhere, precision, budget);
    const auto x = evaluator.value(a), y = evaluator.value(b);
    if (!x || !y || !x->is_real() || !y->is_real()) return std::nullopt;
    const Ball step = difference(evaluator.real_part(*x), evaluator.real_part(*y), precision);
    if (step.sign() != 0) return step.sign();
    if (x->exact && y->exact && *x->exact == *y->exact) return 0;
  }
  if (compare_values(a, b, budget).equal()) return 0;
  return std::nullopt;
}

std::optional<Integer> rounded_to(const Node& a, int decimals, Budget& budget) {
  const Point nowhere;
  Evaluator evaluator(nowhere, kFirstPrecision, budget);
  const auto value = evaluator.value(a);
  if (!value || !value->is_real()) return std::nullopt;
  std::optional<Rational> exact = value->exact;
  if (!exact) {
    const Ball& x = value->re;
    if (x.exponent < -4000 || x.exponent > 4000 || x.radius_top() > -64) return std::nullopt;
    const Integer unit = Integer(1) << static_cast<unsigned>(std::abs(x.exponent));
    exact = x.exponent >= 0 ? Rational::of(x.mid * unit, 1) : Rational::of(x.mid, unit);
  }
  const auto scale = Rational(10).to_power(decimals);
  const auto scaled = exact && scale ? exact->times(*scale) : std::nullopt;
  return scaled ? std::optional(scaled->rounded()) : std::nullopt;
}

namespace {

// Values of both where neither is zero, the first such point, and the decision where one alone is zero.
struct Proportion {
  std::vector<std::pair<Value, Value>> values;
  const Point* first = nullptr;
  std::optional<Decision> decision;
  std::int64_t needed = 0;  // precision: below it the smallest term of a sum is hidden
};

Proportion values_at(const Node& a, const Node& b, const Samples& samples, int precision, Budget& budget) {
  Proportion seen;
  for (const Point& point : samples.points) {
    Evaluator evaluator(point, precision, budget);
    auto x = evaluator.value(a), y = evaluator.value(b);
    if (!x || !y || evaluator.left_reals()) continue;
    const Ball left = evaluator.real_part(*x), right = evaluator.real_part(*y);
    if (left.is_exact_zero() && right.is_exact_zero()) continue;
    if (left.holds_zero() != right.holds_zero()) {
      seen.decision = Decision{Outcome::kDifferent, "zero for different values"};
      return seen;
    }
    if (left.holds_zero()) continue;
    if (seen.first == nullptr) seen.first = &point;
    // Products of two values are compared, in which the smallest terms of both may meet.
    if (!x->exact || !y->exact) seen.needed = std::max(seen.needed, 2 * evaluator.deepest_term() + kAgreement + 28);
    seen.values.emplace_back(*std::move(x), *std::move(y));
  }
  if (seen.values.size() < kEnoughPoints) seen.decision = undecided(budget);
  return seen;
}

// nullopt: too large to multiply exactly.
std::optional<bool> same_product(const Value& a, const Value& b, const Value& c, const Value& d) {
  if (!a.exact || !b.exact || !c.exact || !d.exact) return std::nullopt;
  const auto x = a.exact->times(*b.exact), y = c.exact->times(*d.exact);
  return x && y ? std::optional(*x == *y) : std::nullopt;
}

Decision proportional(const Proportion& seen, Factor factor, int precision, Budget& budget) {
  if (seen.decision) return *seen.decision;
  const auto ball = [&](const Value& v) { return v.exact ? Ball::of(*v.exact, precision) : v.re; };
  const auto& [first_left, first_right] = seen.values.front();
  if (factor == Factor::kPositive && ball(first_left).sign() != ball(first_right).sign())
    return {Outcome::kDifferent, "proportional by a negative factor, or not at all"};
  for (const auto& [left, right] : seen.values) {
    if (!budget.spend(100)) return undecided(budget);
    if (const auto exactly = same_product(left, first_right, right, first_left)) {
      if (!*exactly) return {Outcome::kDifferent, "not proportional"};
      continue;
    }
    const Ball x = product(ball(left), ball(first_right), precision),
               y = product(ball(right), ball(first_left), precision);
    const auto what = together(x, y, std::max(x.top(), y.top()), precision);
    if (what == Seen::kDifferent) return {Outcome::kDifferent, "not proportional"};
    if (what != Seen::kEqual || seen.needed > precision) return undecided(budget);
  }
  return {Outcome::kEqual, "proportional at all sample points"};
}

Node with_values(Node n, const Point& point) {
  if (const Rational* value = n.kind == NodeKind::kSymbol ? point.find(n.text)
                              : n.kind == NodeKind::kText ? point.find("text " + n.text)
                                                          : nullptr)
    return {NodeKind::kNumber, "", *value, false, 10, {}};
  for (Node& child : n.children) child = with_values(std::move(child), point);
  return n;
}

// a(x) b(p) and b(x) a(p) as functions of x, by their normal forms: exact for numbers of any size.
Outcome by_normal_forms(const Node& a, const Node& b, const Point& point, Budget& budget) {
  const auto times = [](const Node& x, Node y) {
    Node result{NodeKind::kProduct, "", std::nullopt, false, 10, {}};
    result.children.push_back(x);
    result.children.push_back(std::move(y));
    return result;
  };
  const auto left = residues_of(times(a, with_values(b, point)), budget);
  const auto right = residues_of(times(b, with_values(a, point)), budget);
  if (!left || !right) return Outcome::kUndecided;
  if (left->same(*right)) return Outcome::kEqual;
  return prove_difference(*left, *right) ? Outcome::kDifferent : Outcome::kUndecided;
}

}  // namespace

Decision compare_up_to_factor(const Node& a, const Node& b, Factor factor, Budget& budget) {
  constexpr int kPrecision = 512, kMostPrecision = 4096, kFewPoints = 4;
  const Samples samples = sample_points(a, b, budget);
  if (!samples.missing.empty()) return kMissingPieces;
  // What is certainly not proportional at a few points never will be.
  Samples few = samples;
  few.points.resize(std::min<std::size_t>(kFewPoints, few.points.size()));
  const Proportion soon = values_at(a, b, few, kFirstPrecision, budget);
  const Decision at_few = proportional(soon, factor, kFirstPrecision, budget);
  if (at_few.why == std::string_view("not proportional")) return at_few;
  const Outcome proven = soon.first != nullptr ? by_normal_forms(a, b, *soon.first, budget) : Outcome::kUndecided;
  if (proven == Outcome::kDifferent) return {Outcome::kDifferent, "not proportional"};
  if (proven == Outcome::kEqual && !soon.decision && at_few.outcome != Outcome::kDifferent)
    return {Outcome::kEqual, "proportional by their normal forms"};
  for (int precision = kPrecision;;) {
    const Proportion seen = values_at(a, b, samples, precision, budget);
    const Decision decision = proportional(seen, factor, precision, budget);
    const std::int64_t needed = std::max<std::int64_t>(seen.needed, precision);
    if (needed == precision || seen.decision || decision.outcome == Outcome::kDifferent) return decision;
    if (needed > kMostPrecision || budget.used_up()) return undecided(budget);
    precision = static_cast<int>(needed);
  }
}

}  // namespace qreason::math
