#include "eval/graders/math/piecewise.h"

#include <algorithm>

#include "eval/graders/math/comparison.h"
#include "eval/graders/math/evaluate.h"
#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

Node difference(const Node& a, const Node& b) {
  return make_node(NodeKind::kSum, pair(a, negated_node(b)));
}

void add_arguments(const Node& condition, std::vector<Node>& arguments) {
  if (condition.kind == NodeKind::kList) {
    for (const Node& part : condition.children) add_arguments(part, arguments);
  } else if (condition.kind == NodeKind::kRelation && condition.text == "e") {
    const Node& set = condition.children[1];
    if (set.kind != NodeKind::kTuple) return;
    for (const Node& end : set.children)
      if (!is_infinite(end)) arguments.push_back(difference(condition.children[0], end));
  } else if (condition.kind == NodeKind::kRelation) {
    for (std::size_t i = 0; i + 1 < condition.children.size(); ++i)
      if (!is_infinite(condition.children[i]) && !is_infinite(condition.children[i + 1]))
        arguments.push_back(difference(condition.children[i], condition.children[i + 1]));
  }
}

// Whether `sign` holds between numbers whose difference has that sign.
std::optional<bool> relation_holds(char sign, int difference) {
  switch (sign) {
    case '<':
      return difference < 0;
    case '>':
      return difference > 0;
    case 'l':
      return difference <= 0;
    case 'g':
      return difference >= 0;
    case '=':
      return difference == 0;
    case 'n':
      return difference != 0;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool is_otherwise(std::string_view word) {
  const std::string lower = lower_case(word);
  return lower == "otherwise" || lower == "else" || lower == "elsewhere";
}

std::vector<Node> condition_arguments(const Node& piecewise) {
  std::vector<Node> arguments;
  for (std::size_t i = 1; i < piecewise.children.size(); i += 2) add_arguments(piecewise.children[i], arguments);
  return arguments;
}

std::optional<Value> Evaluator::piecewise(const Node& node) {
  for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
    const auto here = holds(node.children[i + 1]);
    if (!here) return std::nullopt;
    if (*here) return value(node.children[i]);
  }
  return std::nullopt;
}

std::optional<bool> Evaluator::holds(const Node& condition) {
  if (!pay()) return std::nullopt;
  if (condition.kind == NodeKind::kText) return is_otherwise(condition.text) ? std::optional(true) : std::nullopt;
  if (condition.kind == NodeKind::kList) {
    const bool any = condition.text == "or";
    for (const Node& part : condition.children) {
      const auto one = holds(part);
      if (!one) return std::nullopt;
      if (*one == any) return any;
    }
    return !any;
  }
  if (condition.kind != NodeKind::kRelation) return std::nullopt;
  if (condition.text == "e") return lies_in(condition.children[0], condition.children[1]);
  for (std::size_t i = 0; i < condition.text.size(); ++i) {
    const auto sign = sign_of_difference(condition.children[i], condition.children[i + 1]);
    const auto one = sign ? relation_holds(condition.text[i], *sign) : std::nullopt;
    if (!one) return std::nullopt;
    if (!*one) return false;
  }
  return true;
}

std::optional<bool> Evaluator::lies_in(const Node& element, const Node& set) {
  if (set.kind == NodeKind::kSymbol && set.text == "reals") return true;
  if (set.kind != NodeKind::kTuple || set.children.size() != 2) return std::nullopt;
  const auto low = sign_of_difference(element, set.children[0]);
  const auto high = low ? sign_of_difference(element, set.children[1]) : std::nullopt;
  if (!high) return std::nullopt;
  return (set.text[0] == '[' ? *low >= 0 : *low > 0) && (set.text[1] == ']' ? *high <= 0 : *high < 0);
}

std::optional<int> Evaluator::sign_of_difference(const Node& left, const Node& right) {
  for (const Node* side : {&left, &right}) {
    if (!is_infinite(*side)) continue;
    const int sign = side->kind == NodeKind::kNegation ? -1 : 1;
    return side == &left ? sign : -sign;
  }
  const auto a = value(left), b = a ? value(right) : std::nullopt;
  if (!a || !b || !a->is_real() || !b->is_real()) return std::nullopt;
  const auto step = added(*a, negative_of(*b));
  if (!step) return std::nullopt;
  if (step->exact) return step->exact->sign();
  const int sign = step->re.sign();
  return sign != 0 ? std::optional(sign) : std::nullopt;
}

}  // namespace qreason::math
