#include "eval/graders/math/known_functions.h"

#include <algorithm>
#include <array>
#include <string>

#include "eval/graders/math/factor_parser.h"

namespace qreason::math {
namespace {

constexpr std::int64_t kMostWritten = 200;  // of \Gamma, and of the number of things that are chosen from

Node pi_node() {
  return make_node(NodeKind::kConstant, {}, "pi");
}

Node quotient_of(Node above, Node below) {
  return make_node(NodeKind::kQuotient, pair(std::move(above), std::move(below)));
}

// A number, or a quotient of two whole ones.
std::optional<Rational> written_number(const Node& n) {
  if (n.kind == NodeKind::kNumber) return n.value;
  const bool fraction =
      n.kind == NodeKind::kQuotient && is_integer_node(n.children[0]) && is_integer_node(n.children[1]);
  return fraction ? n.children[0].value->over(*n.children[1].value) : std::nullopt;
}

// (n - 1)!, and of n + 1/2 the product of sqrt(pi) and 1/2, 3/2, ... n - 1/2.
std::optional<Node> gamma_value(const Rational& x) {
  const auto doubled = x.times(Rational(2));
  const auto halves = doubled ? doubled->to_int64() : std::nullopt;
  if (!halves || *halves <= 0 || *halves > 2 * kMostWritten) return std::nullopt;
  if (*halves % 2 == 0) return make_node(NodeKind::kFactorial, single(number_node(Rational(*halves / 2 - 1))));
  std::vector<Node> factors = single(make_node(NodeKind::kCall, single(pi_node()), "sqrt"));
  for (std::int64_t half = 1; half < *halves; half += 2) factors.push_back(number_node(*Rational::of(half, 2)));
  return factors.size() == 1 ? std::move(factors[0]) : make_node(NodeKind::kProduct, std::move(factors));
}

// pi^s over a whole number (Euler).
std::optional<Node> zeta_value(const Rational& x) {
  static constexpr std::array<std::pair<std::int64_t, std::int64_t>, 4> kBelow = {
      {{2, 6}, {4, 90}, {6, 945}, {8, 9450}}};
  for (const auto& [s, below] : kBelow)
    if (x == Rational(s))
      return quotient_of(make_node(NodeKind::kPower, pair(pi_node(), number_node(Rational(s)))),
                         number_node(Rational(below)));
  return std::nullopt;
}

std::optional<std::int64_t> whole(const Node& n) {
  const auto value = is_integer_node(n) ? n.value->to_int64() : std::nullopt;
  return value && *value >= 0 && *value <= kMostWritten ? value : std::nullopt;
}

// "C" of (n, k) with 0 <= k <= n.
std::optional<Node> number_of_choices(char letter, const Node& all, const Node& chosen) {
  const auto n = whole(all), k = whole(chosen);
  if (!n || !k || *k > *n) return std::nullopt;
  if (letter == 'C') return make_node(NodeKind::kCall, pair(all, chosen), "binom");
  return letter == 'P' || letter == 'A' ? std::optional(arrangements(all, chosen)) : std::nullopt;
}

std::optional<Node> number_of_choices(const Node& n) {
  if (n.kind != NodeKind::kPower || n.children[0].kind != NodeKind::kSymbol) return std::nullopt;
  const std::string& name = n.children[0].text;  // "C_10"
  const bool lowered =
      name.size() > 2 && name.size() < 6 && name[1] == '_' && std::all_of(name.begin() + 2, name.end(), is_digit);
  return lowered ? number_of_choices(name[0], number_node(name.substr(2)), n.children[1]) : std::nullopt;
}

}  // namespace

std::optional<Node> known_value(std::string_view name, const Node& argument) {
  if (name != "\\Gamma" && name != "\\zeta") return std::nullopt;
  const auto x = written_number(argument);
  if (!x) return std::nullopt;
  return name == "\\Gamma" ? gamma_value(*x) : zeta_value(*x);
}

Node arrangements(const Node& all, const Node& chosen) {
  const auto factorial = [](Node of) { return make_node(NodeKind::kFactorial, single(std::move(of))); };
  Node left = make_node(NodeKind::kSum, pair(all, make_node(NodeKind::kNegation, single(chosen))));
  return quotient_of(factorial(all), factorial(std::move(left)));
}

std::optional<Node> with_numbers_of_choices(const Node& n) {
  if (auto number = number_of_choices(n)) return number;
  std::optional<Node> result;
  for (std::size_t i = 0; i < n.children.size(); ++i) {
    auto child = with_numbers_of_choices(n.children[i]);
    if (!child) continue;
    if (!result) result = n;
    result->children[i] = *std::move(child);
  }
  return result;
}

namespace {

// In numbers made by rational operations, powers with whole exponents and roots of what has no i, it is i that changes.
bool turn_i(Node& n, bool& found) {
  switch (n.kind) {
    case NodeKind::kNumber:
      return true;
    case NodeKind::kConstant:
      if (n.text != "i") return true;
      found = true;
      n = make_node(NodeKind::kNegation, single(std::move(n)));
      return true;
    case NodeKind::kPower:
      if (!is_integer_node(n.children[1])) break;
      return turn_i(n.children[0], found);
    case NodeKind::kSum:
    case NodeKind::kProduct:
    case NodeKind::kQuotient:
    case NodeKind::kNegation:
      return std::all_of(n.children.begin(), n.children.end(), [&](Node& child) { return turn_i(child, found); });
    default:
      break;
  }
  bool inside = false;
  const bool root = (n.kind == NodeKind::kCall && n.text == "sqrt") || n.kind == NodeKind::kPower;
  return root && n.children[0].kind == NodeKind::kNumber && turn_i(n.children.back(), inside) && !inside;
}

}  // namespace

std::optional<Node> conjugate(const Node& n) {
  Node result = n;
  bool found = false;
  return turn_i(result, found) && found ? std::optional(std::move(result)) : std::nullopt;
}

}  // namespace qreason::math
