// Operators and named functions of which nothing is known but what they are applied to: the part of FactorParser that
// keeps them from being factors.
#include <algorithm>
#include <array>

#include "eval/graders/math/evaluate.h"
#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/known_functions.h"

namespace qreason::math {
namespace {

constexpr std::array<std::string_view, 14> kAppliedLetters = {"\\Gamma", "\\zeta",   "\\Phi",     "\\phi",   "\\Psi",
                                                              "\\Theta", "\\Lambda", "\\Xi",      "\\Sigma", "\\Pi",
                                                              "\\Omega", "\\Delta",  "\\Upsilon", "\\psi"};

}  // namespace

Node operated(std::string_view name, Node argument) {
  return make_node(NodeKind::kCall, single(std::move(argument)), std::string(kOperation) + std::string(name));
}

bool is_operated(const Node& n) {
  return n.kind == NodeKind::kCall && n.text.starts_with(kOperation);
}

bool is_applied_letter(std::string_view name) {
  return std::find(kAppliedLetters.begin(), kAppliedLetters.end(), name) != kAppliedLetters.end();
}

// "\nabla f", "\sup f", "\operatorname{Var}(X)", "\frac{d}{dx} x^2"; a name where nothing follows.
Node FactorParser::operation(std::string name) {
  Depth depth(depth_);
  if (name == "nabla" && (at_command("cdot") || at_command("times"))) name += " " + tokens_[at_++].text;
  if (take_symbol("_")) name += "_" + subscript();
  std::optional<Node> power;
  if (at_symbol("^")) {
    ++at_;
    power = exponent();
    if (name == "nabla" && is_integer_node(*power)) {
      name += "^" + power->text;
      power.reset();
    }
  }
  Node result = make_node(NodeKind::kSymbol, {}, "\\" + name);
  if (at_factor()) {
    const int outer_single = std::exchange(single_, 0);
    Node inside = operand(name);
    auto turned = name == "bar" ? conjugate(inside) : std::nullopt;
    result = turned ? *std::move(turned) : operated(name, std::move(inside));
    single_ = outer_single;
  }
  if (!power) return result;
  return make_node(NodeKind::kPower, pair(std::move(result), *std::move(power)));
}

// Of a derivative all factors that follow, unless there is a bracket; of a change and of what has a bracket that alone.
Node FactorParser::operand(std::string_view name) {
  const bool bracketed = at_symbol("(") || at_symbol("[") || at_symbol("{") || at_symbol("\\{");
  if (bracketed || name == "Delta" || name == "partial") return primary();
  Node inside = factor();
  if (name.find('/') == std::string_view::npos) return inside;
  while (at_factor()) inside = multiplied(std::move(inside), factor());
  return inside;
}

// "f^{(2)}" as two primes, "f^{(n)}".
bool FactorParser::take_order(std::string& name) {
  if (!at_symbol("^") || !at_symbol("{", 1) || !at_symbol("(", 2)) return false;
  const bool known =
      (at_kind(TokenKind::kNumber, 3) || at_kind(TokenKind::kLetter, 3)) && at_symbol(")", 4) && at_symbol("}", 5);
  if (!known) return false;
  const std::string order = tokens_[at_ + 3].text;
  at_ += 6;
  const bool few = order.size() == 1 && order[0] >= '1' && order[0] <= '9';
  name += few ? std::string(static_cast<std::size_t>(order[0] - '0'), '\'') : "^(" + order + ")";
  return true;
}

// A prime behind anything but a number.
void FactorParser::take_prime(Node& result) {
  const bool named =
      result.kind == NodeKind::kSymbol || result.kind == NodeKind::kText ||
      (result.kind == NodeKind::kApply && result.children.size() == 1 && result.children[0].kind == NodeKind::kSymbol);
  if (result.kind == NodeKind::kConstant) result.kind = NodeKind::kSymbol;
  if (named || result.kind == NodeKind::kSymbol)
    result.text += "'";
  else
    result = operated("'", std::move(result));
}

}  // namespace qreason::math
