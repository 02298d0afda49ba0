// Numbers, functions of variables, units, percentages, ratios and residues (the scalar half of comparison.h).
#include <algorithm>

#include "eval/graders/math/closed_sums.h"
#include "eval/graders/math/comparison.h"
#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

constexpr std::int64_t kRelativeGuard = 1000;  // numbers that round to the same decimals differ by at most 1/1000

Node product_node(const Node& a, const Node& b) {
  Node result{NodeKind::kProduct, "", std::nullopt, false, 10, {}};
  result.children = {a, b};
  return result;
}

Node scaled(const Node& value, const Rational& scale) {
  Node factor{NodeKind::kNumber, "", scale, false, 10, {}};
  return product_node(value, factor);
}

// One number as it is written, with a sign or a percent sign: what lighteval takes for an atom.
bool is_literal(const Node& n) {
  if (n.kind == NodeKind::kNegation || n.kind == NodeKind::kPercent || n.kind == NodeKind::kMeasure)
    return is_literal(n.children[0]);
  return n.kind == NodeKind::kNumber;
}

// "4:30": no ratio, since 4:30 and 2:15 are different times. Two digits after the colon, below 60.
bool is_clock_time(const Node& n) {
  if (n.kind != NodeKind::kRatio || n.children.size() != 2) return false;
  const auto digits = [](const Node& part) {
    return part.kind == NodeKind::kNumber && part.text.find_first_not_of("0123456789") == std::string::npos;
  };
  const Node& minutes = n.children[1];
  return digits(n.children[0]) && n.children[0].text.size() <= 2 && digits(minutes) && minutes.text.size() == 2 &&
         minutes.text[0] < '6';
}

// A time of day that would be no ratio as people write one, in lowest terms: "8:20" may be 2/5, but hardly is.
bool is_rather_time(const Node& n) {
  if (!is_clock_time(n)) return false;
  const auto hours = n.children[0].value, minutes = n.children[1].value;
  return hours && minutes && boost::multiprecision::gcd(hours->numerator(), minutes->numerator()) != 1;
}

// "\frac{8}{20}" for "8:20".
bool is_of_same_numbers(const Node& fraction, const Node& ratio) {
  return fraction.kind == NodeKind::kQuotient && is_literal(fraction.children[0]) && is_literal(fraction.children[1]) &&
         fraction.children[0].text == ratio.children[0].text && fraction.children[1].text == ratio.children[1].text;
}

bool speaks_of_radians(const Node& n) {
  return (n.kind == NodeKind::kConstant && n.text == "pi") ||
         (n.kind == NodeKind::kCall && n.text.starts_with("arc")) ||
         std::any_of(n.children.begin(), n.children.end(), speaks_of_radians);
}

// "(\\pi/3)^\\circ" for "\\pi/3".
bool is_other_angle(const Node& degrees, const Node& radians) {
  return degrees.kind == NodeKind::kMeasure && degrees.text == "degree^1" && radians.kind != NodeKind::kMeasure &&
         speaks_of_radians(degrees) && speaks_of_radians(radians);
}

// "ABC", "DCBA": points, players or places in an order, rather than a product.
bool is_row_of_capitals(const Node& n) {
  return n.kind == NodeKind::kProduct && n.children.size() >= 3 &&
         std::all_of(n.children.begin(), n.children.end(), [](const Node& letter) {
           return letter.kind == NodeKind::kSymbol && letter.text.size() == 1 && letter.text[0] >= 'A' &&
                  letter.text[0] <= 'Z';
         });
}

// A unit around the whole: "-5 cm" is the negative of a measure.
const Node* any_measure_of(const Node& n) {
  if (n.kind == NodeKind::kMeasure) return &n;
  return n.kind == NodeKind::kNegation ? any_measure_of(n.children[0]) : nullptr;
}
const Node* measure_of(const Node& n) {
  const Node* measure = any_measure_of(n);
  return measure != nullptr && has_dimensions(measure->text) ? measure : nullptr;
}

bool is_primed(const Node* measure) {
  return measure != nullptr && measure->text.ends_with(kPrime);
}

std::string_view dimensions_of(const Node& measure) {
  const std::string_view text = measure.text;
  return is_primed(&measure) ? text.substr(0, text.size() - 1) : text;
}

// "4 apples" and "4 oranges", or "4 cm".
bool count_different_things(const Node& a, const Node& b) {
  const Node* first = any_measure_of(a);
  const Node* second = any_measure_of(b);
  if (first == nullptr || second == nullptr || first->text.empty() || second->text.empty()) return false;
  return first->text != second->text && (first->text[0] == '#' || second->text[0] == '#');
}

bool has_cross(const Node& n) {
  return (n.kind == NodeKind::kProduct && n.text == kCross) ||
         std::any_of(n.children.begin(), n.children.end(), has_cross);
}

// Products whose order may count as calls, whose arguments have one.
Node in_written_order(Node n) {
  if (n.kind == NodeKind::kProduct && n.text == kCross) n.kind = NodeKind::kCall;
  for (Node& child : n.children) child = in_written_order(std::move(child));
  return n;
}

// "13 \\bmod 5" of whole numbers; "17 \\bmod 20" is rather a residue.
std::optional<Rational> remainder_of(const Node& residue, Budget& budget) {
  const auto a = exact_value(residue.children[0], budget), m = exact_value(residue.children[1], budget);
  if (!a || !m || !a->is_integer() || !m->is_integer() || m->sign() <= 0) return std::nullopt;
  const auto share = a->over(*m);
  const auto whole = share ? Rational::of(share->floor(), 1) : std::nullopt;
  const auto multiple = whole ? whole->times(*m) : std::nullopt;
  if (!multiple || multiple->is_zero()) return std::nullopt;
  return a->plus(multiple->negated());
}

struct ClockTime {
  std::int64_t hour, minute;
  bool exact;  // of the 24 hours of a day; else of 12
};

std::optional<ClockTime> clock_time(const Node& n) {
  const bool named = n.text == "am^1" || n.text == "pm^1";
  const Node* hour = n.kind == NodeKind::kMeasure && named ? &n.children[0]
                     : is_clock_time(n)                    ? &n.children[0]
                                                           : nullptr;
  if (hour == nullptr || !hour->value || hour->kind != NodeKind::kNumber || !(named || n.text.empty()))
    return std::nullopt;
  auto hours = hour->value->to_int64();
  const auto minutes = n.kind == NodeKind::kRatio ? n.children[1].value->to_int64() : 0;
  if (!hours || *hours > 24 || !minutes || (named && (*hours < 1 || *hours > 12))) return std::nullopt;
  if (named) hours = *hours % 12 + (n.text == "pm^1" ? 12 : 0);
  return ClockTime{*hours % 24, *minutes, named || *hours > 12 || hour->text[0] == '0'};
}

}  // namespace

Decision Comparison::same_scalar(const Node& gold, const Node& answer) {
  if (is_infinite(gold) || is_infinite(answer)) {
    const auto minus = [](const Node& n) { return n.kind == NodeKind::kNegation; };
    const bool equal = is_infinite(gold) && is_infinite(answer) && minus(gold) == minus(answer);
    return equal ? Decision{Outcome::kEqual, "the same infinity"}
                 : Decision{Outcome::kDifferent, "infinity and another"};
  }
  if (is_row_of_capitals(gold) && is_row_of_capitals(answer)) {
    const bool equal = std::equal(gold.children.begin(), gold.children.end(), answer.children.begin(),
                                  answer.children.end(), [](const Node& a, const Node& b) { return a.text == b.text; });
    return equal ? Decision{Outcome::kEqual, "the same letters"}
                 : Decision{Outcome::kDifferent, "letters in another order"};
  }
  if (const auto by_induction = compare_closed_sum(gold, answer, budget_)) return *by_induction;
  if (const auto by_induction = compare_closed_sum(answer, gold, budget_)) return *by_induction;
  if (has_cross(gold) && has_cross(answer))
    return compare_values(in_written_order(gold), in_written_order(answer), budget_);
  if (count_different_things(gold, answer)) return {Outcome::kDifferent, "different things are counted"};
  if (is_primed(measure_of(gold)) != is_primed(measure_of(answer)) &&
      (measure_of(gold) == nullptr || measure_of(answer) == nullptr))
    return {Outcome::kDifferent, "primes and none"};
  if (same_angle(gold, answer) || same_angle(answer, gold)) return {Outcome::kEqual, "the same angle"};
  if (measure_of(gold) != nullptr && measure_of(answer) != nullptr) return same_measures(gold, answer);
  if (is_other_angle(gold, answer) || is_other_angle(answer, gold))
    return {Outcome::kDifferent, "pi in degrees and in radians"};
  const auto percent = [](const Node& n) { return n.kind == NodeKind::kPercent ? &n.children[0] : nullptr; };
  const Node* gold_percent = percent(gold);
  const Node* answer_percent = percent(answer);
  const Decision plain = same_number(gold, answer);
  if (plain.equal() || (gold_percent == nullptr) == (answer_percent == nullptr)) return plain;
  if (measure_of(gold) != nullptr || measure_of(answer) != nullptr) return plain;  // "5\%" is not "\$5"
  const Decision without =
      gold_percent != nullptr ? same_number(*gold_percent, answer) : same_number(gold, *answer_percent);
  return without.equal() ? Decision{Outcome::kEqual, "the same number of percent"} : plain;
}

// "30^\circ" and "\frac{\pi}{6}", with or without "radians".
bool Comparison::same_angle(const Node& degrees, const Node& radians) {
  const Node* measure = measure_of(degrees);
  const Node* other = measure_of(radians);
  if (measure == nullptr || measure->text != "degree^1" || !speaks_of_radians(radians)) return false;
  if (other != nullptr && other->text != "radian^1") return false;
  Node turn{NodeKind::kConstant, "pi", std::nullopt, false, 10, {}};
  return compare_values(scaled(product_node(degrees, turn), *Rational::of(1, 180)), radians, budget_).equal();
}

Decision Comparison::same_measures(const Node& gold, const Node& answer) {
  const Node& a = *measure_of(gold);
  const Node& b = *measure_of(answer);
  if (a.text.starts_with(kAnyUnit) != b.text.starts_with(kAnyUnit)) return same_number(gold, answer);
  if (dimensions_of(a) != dimensions_of(b)) return {Outcome::kDifferent, "different kinds of units"};
  if (*a.value == *b.value) return same_number(gold, answer);
  return same_number(scaled(gold, *a.value), scaled(answer, *b.value));
}

Decision Comparison::same_number(const Node& gold, const Node& answer) {
  const Decision exact = compare_values(gold, answer, budget_);
  if (exact.equal()) return exact;
  if (const auto rounded = to_decimals(gold, answer)) return *rounded;
  return exact;
}

// The study's rule: where one side is a single number and a decimal is involved, both are rounded to 5 decimals; of two
// single numbers inside of a collection none is. Below
// 0.005 that would leave less than three digits: numbers must also be within a thousandth of each other.
std::optional<Decision> Comparison::to_decimals(const Node& gold, const Node& answer) {
  if (inside_ > 0 && is_literal(gold) && is_literal(answer)) return std::nullopt;
  if (!(has_decimals(gold) || has_decimals(answer)) || !(is_literal(gold) || is_literal(answer))) return std::nullopt;
  if (has_variables(gold) || has_variables(answer)) return std::nullopt;
  const auto a = rounded_to(gold, options_.precision, budget_), b = rounded_to(answer, options_.precision, budget_);
  if (!a || !b || *a != *b) return std::nullopt;
  constexpr int kFine = 40;
  const auto x = rounded_to(gold, kFine, budget_), y = rounded_to(answer, kFine, budget_);
  if (!x || !y) return std::nullopt;
  const Integer size = std::max(boost::multiprecision::abs(*x), boost::multiprecision::abs(*y));
  const bool small = size * 200 < boost::multiprecision::pow(Integer(10), kFine);
  if (small && (size == 0 || boost::multiprecision::abs(*x - *y) * kRelativeGuard > size)) return std::nullopt;
  return Decision{Outcome::kEqual, "the same when rounded to the study's decimals"};
}

// "16:00", "4 pm" and "4:00 p.m."; nullopt: no two times, or of 12 hours and nothing said about which.
std::optional<Decision> Comparison::same_time(const Node& gold, const Node& answer) {
  const auto a = clock_time(gold), b = clock_time(answer);
  if (!a || !b || (!a->exact && !b->exact)) return std::nullopt;
  const bool named = !gold.text.empty() || !answer.text.empty();
  if (!named && gold.kind == answer.kind) return std::nullopt;
  const std::int64_t day = a->exact && b->exact ? 24 : 12;
  const bool equal = a->hour % day == b->hour % day && a->minute == b->minute;
  return equal ? Decision{Outcome::kEqual, "the same time"} : Decision{Outcome::kDifferent, "different times"};
}

Decision Comparison::same_ratio(const Node& gold, const Node& answer) {
  if (gold.kind != answer.kind) {
    const Node& ratio = gold.kind == NodeKind::kRatio ? gold : answer;
    if (ratio.children.size() != 2) return {Outcome::kDifferent, "a ratio of three and a value"};
    if (ratio.text == "am^1" || ratio.text == "pm^1") return {Outcome::kDifferent, "a time and a number"};
    const Node& value = gold.kind == NodeKind::kRatio ? answer : gold;
    if (value.kind == NodeKind::kNumber && !value.decimal) return {Outcome::kDifferent, "a ratio and a whole number"};
    if (is_rather_time(ratio) && !is_of_same_numbers(value, ratio)) return {Outcome::kDifferent, "a time and a number"};
    return same_scalar(gold, answer);
  }
  const auto& a = gold.children;
  const auto& b = answer.children;
  if (a.size() != b.size()) return {Outcome::kDifferent, "ratios of different lengths"};
  if (!gold.text.empty() && !answer.text.empty() && gold.text != answer.text)
    return {Outcome::kDifferent, "different kinds of units"};
  if (is_clock_time(gold) && is_clock_time(answer)) {
    const bool equal = exact_value(a[0], budget_) == exact_value(b[0], budget_) && a[1].text == b[1].text;
    return equal ? Decision{Outcome::kEqual, "the same time"} : Decision{Outcome::kDifferent, "different times"};
  }
  if (is_clock_time(gold) != is_clock_time(answer)) return {Outcome::kDifferent, "a time and a ratio"};
  for (std::size_t i = 1; i < a.size(); ++i) {
    const Decision part = compare_values(product_node(a[0], b[i]), product_node(a[i], b[0]), budget_);
    if (!part.equal()) return part;
  }
  const Node zero{NodeKind::kNumber, "0", Rational(0), false, 10, {}};
  for (const auto* sides : {&a, &b})
    if (std::all_of(sides->begin(), sides->end(),
                    [&](const Node& n) { return compare_values(n, zero, budget_).equal(); }))
      return {Outcome::kUndecided, "a ratio of zeros"};
  return {Outcome::kEqual, "proportional"};
}

// "8 (mod 5)" and "3 (mod 5)"; a residue is a class of numbers and no number.
Decision Comparison::same_residue(const Node& gold, const Node& answer) {
  const auto value = [](const Node& n) -> const Node& { return n.kind == NodeKind::kMod ? n.children[0] : n; };
  if (gold.kind != answer.kind) {
    const Node& residue = gold.kind == NodeKind::kMod ? gold : answer;
    const auto rest = residue.text == kRemainder ? remainder_of(residue, budget_) : std::nullopt;
    if (rest && rest == exact_value(gold.kind == NodeKind::kMod ? answer : gold, budget_))
      return {Outcome::kEqual, "the remainder"};
    return {Outcome::kDifferent, "a residue and a number"};
  }
  const Decision modulus = compare_values(gold.children[1], answer.children[1], budget_);
  if (!modulus.equal()) return {Outcome::kDifferent, "different moduli"};
  const auto a = exact_value(value(gold), budget_), b = exact_value(value(answer), budget_),
             m = exact_value(gold.children[1], budget_);
  if (!a || !b || !m) return compare_values(value(gold), value(answer), budget_);
  const auto step = a->plus(b->negated());
  const auto times = step ? step->over(*m) : std::nullopt;
  if (!times) return {Outcome::kUndecided, "no modulus"};
  return times->is_integer() ? Decision{Outcome::kEqual, "the same residue"}
                             : Decision{Outcome::kDifferent, "different residues"};
}

}  // namespace qreason::math
