#include "eval/graders/math/cleared_equation.h"

#include <algorithm>
#include <map>
#include <string>

#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/value_compare.h"

namespace qreason::math {
namespace {

constexpr std::int64_t kMaxExponent = 12;
constexpr std::int64_t kMaxFactors = 500;  // of all terms together

struct Term {
  std::vector<Node> factors;                  // of the numerator
  std::map<std::string, std::int64_t> below;  // symbols of the denominator, with exponents
};

bool divides_by_symbols(const Node& n) {
  if (n.kind == NodeKind::kQuotient && has_variables(n.children[1])) return true;
  if (n.kind == NodeKind::kPower && has_variables(n.children[0]) && !is_integer_node(n.children[1])) return true;
  return std::any_of(n.children.begin(), n.children.end(), divides_by_symbols);
}

// A denominator; false: more than symbols and numbers.
bool add_below(const Node& n, Term& term) {
  if (n.kind == NodeKind::kSymbol) return ++term.below[n.text] <= kMaxExponent;
  if (n.kind == NodeKind::kPower && n.children[0].kind == NodeKind::kSymbol && is_integer_node(n.children[1])) {
    const auto exponent = n.children[1].value->to_int64();
    if (!exponent || *exponent < 1 || *exponent > kMaxExponent) return false;
    return (term.below[n.children[0].text] += *exponent) <= kMaxExponent;
  }
  if (n.kind == NodeKind::kProduct)
    return std::all_of(n.children.begin(), n.children.end(),
                       [&](const Node& factor) { return add_below(factor, term); });
  if (has_variables(n)) return false;
  term.factors.push_back(make_node(NodeKind::kQuotient, pair(number_node("1"), n)));
  return true;
}

bool add_above(const Node& n, Term& term) {
  if (n.kind == NodeKind::kQuotient) return add_above(n.children[0], term) && add_below(n.children[1], term);
  if (n.kind == NodeKind::kNegation) {
    term.factors.push_back(number_node(Rational(-1)));
    return add_above(n.children[0], term);
  }
  if (n.kind == NodeKind::kProduct)
    return std::all_of(n.children.begin(), n.children.end(),
                       [&](const Node& factor) { return add_above(factor, term); });
  const bool inverse = n.kind == NodeKind::kPower && n.children[1].kind == NodeKind::kNegation;
  if (inverse) return add_below(make_node(NodeKind::kPower, pair(n.children[0], n.children[1].children[0])), term);
  if (divides_by_symbols(n)) return false;
  term.factors.push_back(n);
  return true;
}

bool add_terms(const Node& n, bool negative, std::vector<Term>& terms) {
  if (n.kind == NodeKind::kNegation) return add_terms(n.children[0], !negative, terms);
  if (n.kind == NodeKind::kSum)
    return std::all_of(n.children.begin(), n.children.end(),
                       [&](const Node& child) { return add_terms(child, negative, terms); });
  terms.emplace_back();
  if (negative) terms.back().factors.push_back(number_node(Rational(-1)));
  return add_above(n, terms.back());
}

Node with_symbols(const Node& n, const std::string* only, std::int64_t value) {
  if (n.kind == NodeKind::kSymbol && (only == nullptr || n.text == *only)) return number_node(Rational(value));
  Node result = n;
  for (Node& child : result.children) child = with_symbols(child, only, value);
  return result;
}

}  // namespace

std::optional<Node> without_denominators(const Node& difference, Budget& budget) {
  std::vector<Term> terms;
  if (!add_terms(difference, false, terms)) return std::nullopt;
  std::map<std::string, std::int64_t> common;
  for (const Term& term : terms)
    for (const auto& [name, exponent] : term.below) common[name] = std::max(common[name], exponent);
  std::int64_t degree = 0;
  for (const auto& [name, exponent] : common) degree += exponent;
  if (degree == 0 || degree * std::ssize(terms) > kMaxFactors) return std::nullopt;
  Node sum = make_node(NodeKind::kSum, {});
  for (Term& term : terms) {
    for (const auto& [name, exponent] : common) {
      const auto own = term.below.find(name);
      const std::int64_t left = exponent - (own == term.below.end() ? 0 : own->second);
      for (std::int64_t i = 0; i < left; ++i) term.factors.push_back(make_node(NodeKind::kSymbol, {}, name));
    }
    if (term.factors.empty()) term.factors.push_back(number_node("1"));
    sum.children.push_back(make_node(NodeKind::kProduct, std::move(term.factors)));
  }
  const Node zero = number_node("0");
  for (const auto& [name, exponent] : common) {
    const Node there = with_symbols(sum, &name, 0);
    const Node number = with_symbols(there, nullptr, 1);
    const bool other_than_zero = compare_values(number, zero, budget).outcome == Outcome::kDifferent;
    if (!other_than_zero || has_variables(number) || !compare_values(there, number, budget).equal())
      return std::nullopt;
  }
  return sum;
}

}  // namespace qreason::math
