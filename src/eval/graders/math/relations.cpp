// Equations and inequalities (a part of comparison.h).
#include <algorithm>

#include "eval/graders/math/cleared_equation.h"
#include "eval/graders/math/comparison.h"
#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/real_set.h"
#include "eval/graders/math/residues.h"

namespace qreason::math {
namespace {

bool all_signs(const Node& n, std::string_view allowed) {
  return n.text.find_first_not_of(allowed) == std::string::npos;
}

// "3 > x > 1" as "1 < x < 3": signs of a chain that only falls are turned around.
Node rising(const Node& n) {
  if (n.kind != NodeKind::kRelation || !all_signs(n, ">g=") || all_signs(n, "=")) return n;
  Node result = n;
  std::reverse(result.children.begin(), result.children.end());
  std::reverse(result.text.begin(), result.text.end());
  for (char& sign : result.text) sign = sign == '>' ? '<' : sign == 'g' ? 'l' : sign;
  return result;
}

Node difference_of(const Node& relation) {
  return make_node(NodeKind::kSum, pair(relation.children[1], negated_node(relation.children[0])));
}

// "(a, b) = (1, 2)" as "a = 1, b = 2".
std::optional<Node> by_coordinates(const Node& n) {
  if (n.kind != NodeKind::kRelation || n.text != "=") return std::nullopt;
  const Node& names = n.children[0];
  const Node& values = n.children[1];
  if (names.kind != NodeKind::kTuple || values.kind != NodeKind::kTuple ||
      names.children.size() != values.children.size())
    return std::nullopt;
  Node list = make_node(NodeKind::kList, {});
  for (std::size_t i = 0; i < names.children.size(); ++i)
    list.children.push_back(make_node(NodeKind::kRelation, pair(names.children[i], values.children[i]), "="));
  return list;
}

// "|x| = 5" is an equation to be solved, where "|z| = 5" and "|AB| = 5" name a modulus and a length.
bool is_unknown(const Node& n) {
  constexpr std::string_view kUnknowns = "xytmnkpqrs";
  return n.kind == NodeKind::kSymbol && n.text.size() == 1 && kUnknowns.find(n.text[0]) != std::string_view::npos;
}

// "a - b": with a number in it ("x - 3") it would be an equation to be solved.
bool is_difference_of_names(const Node& n) {
  if (n.kind == NodeKind::kSum || n.kind == NodeKind::kNegation)
    return std::all_of(n.children.begin(), n.children.end(), is_difference_of_names);
  return n.kind == NodeKind::kSymbol && is_name(n);
}

bool is_large_operator(std::string_view name) {
  const std::string_view first = name.substr(0, name.find(' '));
  return first == "int" || first == "iint" || first == "oint" || first == "lim" || first == "sum" || first == "prod";
}

// y and f(x): the ways in which a function is named.
bool names_function(const Node& n) {
  return n.kind == NodeKind::kApply || (n.kind == NodeKind::kSymbol && n.text == "y");
}

}  // namespace

bool is_name(const Node& n) {
  switch (n.kind) {
    case NodeKind::kSymbol:
      return n.text != "infty" && n.text != "reals" && n.text != "ldots";
    case NodeKind::kConstant:
    case NodeKind::kText:
    case NodeKind::kApply:
      return true;
    case NodeKind::kMeasure:
      return is_name(n.children[0]);
    case NodeKind::kProduct:
    case NodeKind::kQuotient:
    case NodeKind::kRatio:
    case NodeKind::kTuple:
      return std::all_of(n.children.begin(), n.children.end(), is_name);
    case NodeKind::kCall:
      if (n.text == "sin" || n.text == "cos" || n.text == "tan" || n.text == "det" || n.text == "gcd" ||
          n.text == "lcm")
        return true;  // what is asked for, and no equation to be solved: nothing but its value is a number
      if (n.text == "max" || n.text == "min" || (n.text == "abs" && n.children[0].kind == NodeKind::kSum))
        return std::all_of(n.children.begin(), n.children.end(), is_difference_of_names);
      if (n.text == "abs" && is_unknown(n.children[0])) return false;
      if (n.text == "abs" || is_operated(n)) return is_name(n.children[0]);  // a length, a derivative
      return is_large_operator(n.text);
    default:
      return false;
  }
}

const Node* named_value(const Node& n) {
  if (n.kind != NodeKind::kRelation) return &n;
  if (n.text == "e") return &n.children[1];
  if (all_signs(n, "a") && !is_name(n.children[0])) return &n.children[0];
  if (!all_signs(n, "=a")) return nullptr;
  std::size_t last = n.text.size();
  while (last > 1 && n.text[last - 1] == 'a') --last;
  const Node& value = n.children[last];
  // "9 = x"
  const Node& right = n.children.back();
  const bool turned = n.text == "=" && !has_variables(n.children[0]) &&
                      (right.kind == NodeKind::kSymbol || right.kind == NodeKind::kApply) && is_name(right);
  if (turned && !is_name(n.children[0])) return &n.children[0];
  if (is_name(n.children[0]) || !has_variables(n)) return &value;
  // "1 = x = 0": some side before the last is a name.
  for (std::size_t i = 0; i < last; ++i)
    if (n.text.size() > 1 && is_name(n.children[i])) return &value;
  return nullptr;
}

std::optional<Decision> Comparison::same_real_set(const Node& gold, const Node& answer) {
  return compare_real_sets(gold, answer, budget_);
}

namespace {

// "2 \\approx 7": by more than one and a tenth of the larger.
bool are_far_apart(const Node& a, const Node& b, Budget& budget) {
  const auto x = rounded_to(a, 1, budget), y = rounded_to(b, 1, budget);
  if (!x || !y) return false;
  const Integer apart = boost::multiprecision::abs(*x - *y);
  return apart > 10 && apart * 10 > std::max(boost::multiprecision::abs(*x), boost::multiprecision::abs(*y));
}

}  // namespace

// "8 + 2 = 9": sides that are proven to be different numbers. A decimal beside another value may be rounded; "x = 8 =
// 9" names its last side, and a unit on one side may have been left out on the other.
bool Comparison::contradicts_itself(const Node& relation) {
  if (relation.kind != NodeKind::kRelation || has_variables(relation)) return false;
  for (std::size_t i = 0; i < relation.text.size(); ++i) {
    const Node& left = relation.children[i];
    const Node& right = relation.children[i + 1];
    if (left.kind == NodeKind::kMeasure || right.kind == NodeKind::kMeasure) continue;
    if (relation.text[i] == 'a' && are_far_apart(left, right, budget_)) return true;
    if (relation.text[i] != '=') continue;
    if (compare_values(left, right, budget_).outcome != Outcome::kDifferent || same(left, right).equal()) continue;
    if (!has_decimals(left) && !has_decimals(right)) return true;
    const auto a = rounded_to(left, 1, budget_), b = rounded_to(right, 1, budget_);
    if (a && b && boost::multiprecision::abs(*a - *b) > 1) return true;
  }
  return false;
}

Decision Comparison::same_relation(const Node& gold, const Node& answer) {
  if (contradicts_itself(gold) || contradicts_itself(answer)) return {Outcome::kDifferent, "a false equation"};
  if (const auto a = by_coordinates(gold), b = by_coordinates(answer); a && b) return same(*a, *b);
  if (const auto list = by_coordinates(gold); list && answer.kind == NodeKind::kList) return same(*list, answer);
  if (const auto list = by_coordinates(answer); list && gold.kind == NodeKind::kList) return same(gold, *list);
  const bool both = gold.kind == NodeKind::kRelation && answer.kind == NodeKind::kRelation;
  if (both) return same_two_relations(rising(gold), rising(answer));
  const Node* gold_value = named_value(gold);
  const Node* answer_value = named_value(answer);
  if (gold_value != nullptr && answer_value != nullptr) return same(*gold_value, *answer_value);
  if (const auto sets = same_real_set(gold, answer)) return *sets;
  return {Outcome::kDifferent, "a relation and a value"};
}

Decision Comparison::same_name(const Node& gold, const Node& answer) {
  if (names_function(gold) && names_function(answer)) {
    // "f(3) = 4" says nothing of f(4), and does not name a function.
    const auto of_variables = [](const Node& n) {
      return std::all_of(n.children.begin(), n.children.end(),
                         [](const Node& argument) { return argument.kind == NodeKind::kSymbol; });
    };
    const bool equal = gold.kind == answer.kind
                           ? gold.text == answer.text && in_order(gold.children, answer.children).equal()
                           : of_variables(gold) && of_variables(answer);
    return equal ? Decision{Outcome::kEqual, "names of functions"} : Decision{Outcome::kDifferent, "other names"};
  }
  return same(gold, answer);
}

Decision Comparison::same_two_relations(const Node& gold, const Node& answer) {
  const auto is_named = [](const Node& n) { return (all_signs(n, "=a") || n.text == "e") && is_name(n.children[0]); };
  if (is_named(gold) && is_named(answer)) {
    const Decision names = same_name(gold.children[0], answer.children[0]);
    const Node* a = named_value(gold);
    const Node* b = named_value(answer);
    if (names.equal() && a != nullptr && b != nullptr) {
      const Decision values = same(*a, *b);
      // "AB = 2x" may also be "2x = AB".
      if (values.equal() || gold.text.size() > 1 || answer.text.size() > 1) return values;
    }
  } else if (gold.text.size() > 1 || answer.text.size() > 1) {
    // Chains without a name: "7 = 2 + 5 = 7".
    const Node* a = all_signs(gold, "=a") ? named_value(gold) : nullptr;
    const Node* b = all_signs(answer, "=a") ? named_value(answer) : nullptr;
    if (a != nullptr && b != nullptr && !has_variables(gold) && !has_variables(answer)) return same(*a, *b);
  }
  if (const auto sets = same_real_set(gold, answer); sets && gold.text != "=" && answer.text != "=") {
    const auto names = symbols_of(gold) == symbols_of(answer);
    if (names) return *sets;
  }
  if (gold.text.size() != answer.text.size()) return {Outcome::kDifferent, "relations of different lengths"};
  if (gold.text.size() > 1) return same_chain(gold, answer);
  const char sign = gold.text[0];
  if (sign != answer.text[0]) return {Outcome::kDifferent, "different signs of relation"};
  if (sign == 'e') {
    const Decision names = same(gold.children[0], answer.children[0]);
    return names.equal() ? same(gold.children[1], answer.children[1]) : names;
  }
  const Decision sides = in_order(gold.children, answer.children);
  if (sides.equal()) return sides;
  if (kSymmetricRelations.find(sign) != std::string_view::npos) {
    const Decision swapped = in_order(gold.children, {answer.children[1], answer.children[0]});
    if (swapped.equal()) return swapped;
  }
  if (!all_signs(gold, "=<>lgna")) return sides;
  // Constants are proportional whatever they are ("f(3) = 4", "1 = 2").
  if (symbols_of(gold).empty() && symbols_of(answer).empty()) return sides;
  const Factor factor = sign == '<' || sign == 'l' ? Factor::kPositive : Factor::kAny;
  const Node left = difference_of(gold), right = difference_of(answer);
  const Decision proportional = compare_up_to_factor(left, right, factor, budget_);
  if (proportional.equal() || sign != '=') return proportional;
  const auto whole_left = without_denominators(left, budget_), whole_right = without_denominators(right, budget_);
  if (!whole_left && !whole_right) return proportional;
  return compare_up_to_factor(whole_left.value_or(left), whole_right.value_or(right), factor, budget_);
}

Decision Comparison::same_chain(const Node& gold, const Node& answer) {
  if (gold.text == answer.text) {
    const Decision forward = in_order(gold.children, answer.children);
    if (forward.equal()) return forward;
  }
  return {Outcome::kDifferent, "different chains of relations"};
}

}  // namespace qreason::math
