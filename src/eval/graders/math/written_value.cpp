#include "eval/graders/math/written_value.h"

#include <algorithm>
#include <set>
#include <string>

#include "eval/graders/math/comparison.h"
#include "eval/graders/math/factor_parser.h"

namespace qreason::math {
namespace {

bool is_power_of_ten(const Node& n) {
  return is_integer_node(n) && n.text.size() > 1 && n.text[0] == '1' &&
         n.text.find_first_not_of('0', 1) == std::string::npos;
}

// "m", "AB", "100m"; the names are added to `names`.
bool is_term_of_names(const Node& n, std::set<std::string>& names) {
  const bool scaled = n.kind == NodeKind::kProduct && n.children.size() >= 2 && is_power_of_ten(n.children[0]);
  const auto is_letter_name = [](const Node& part) { return part.kind == NodeKind::kSymbol && is_name(part); };
  const bool all = n.kind == NodeKind::kProduct
                       ? std::all_of(n.children.begin() + (scaled ? 1 : 0), n.children.end(), is_letter_name)
                       : is_letter_name(n);
  if (all)
    for (const std::string& name : symbols_of(n)) names.insert(name);
  return all;
}

bool is_sum_of_names(const Node& n) {
  if (n.kind != NodeKind::kSum || n.children[0].kind == NodeKind::kNegation) return false;
  std::set<std::string> names;
  const bool all = std::all_of(n.children.begin(), n.children.end(), [&](const Node& term) {
    return is_term_of_names(term.kind == NodeKind::kNegation ? term.children[0] : term, names);
  });
  return all && names.size() >= 2;
}

std::optional<Node> value_of_sum(const Node& relation, Budget& budget) {
  if (relation.text.find_first_not_of('=') != std::string::npos) return std::nullopt;
  std::vector<Node> sides = relation.children;
  if (sides.size() == 2 && is_sum_of_names(sides[1])) std::swap(sides[0], sides[1]);
  if (!is_sum_of_names(sides[0]) || std::any_of(sides.begin() + 1, sides.end(), has_variables)) return std::nullopt;
  for (std::size_t i = 2; i < sides.size(); ++i)
    if (!compare_values(sides[i - 1], sides[i], budget).equal()) return std::nullopt;
  return sides.back();
}

std::optional<Node> remainder(const Node& residue) {
  if (residue.kind != NodeKind::kMod || !is_power_of_ten(residue.children[1])) return std::nullopt;
  const Node& value = residue.children[0];
  if (!is_integer_node(value) || !value.value->less_than(*residue.children[1].value)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Node> written_value(const Node& answer, Budget& budget) {
  if (answer.kind != NodeKind::kRelation) return remainder(answer);
  if (answer.text.find_first_not_of('=') == std::string::npos && answer.children.back().kind == NodeKind::kMod)
    return remainder(answer.children.back());
  return value_of_sum(answer, budget);
}

bool asks_for_number(const Node& gold) {
  return gold.kind != NodeKind::kRelation && gold.kind != NodeKind::kMod && gold.kind != NodeKind::kText &&
         gold.kind != NodeKind::kRatio && gold.kind != NodeKind::kBased && !is_collection(gold) && !has_variables(gold);
}

}  // namespace qreason::math
