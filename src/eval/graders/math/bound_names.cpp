#include "eval/graders/math/bound_names.h"

#include <algorithm>
#include <vector>

#include "eval/graders/math/evaluate.h"

namespace qreason::math {
namespace {

// "k \in \mathbb{Z}", in lists and conditions of sets.
void collect(const Node& n, std::vector<std::string>& names) {
  const bool runs = n.kind == NodeKind::kRelation && n.text == "e" && n.children[0].kind == NodeKind::kSymbol &&
                    n.children[1].kind == NodeKind::kSymbol && n.children[1].text.starts_with("mathbb");
  if (runs) names.push_back(n.children[0].text);
  if (n.kind == NodeKind::kList || n.kind == NodeKind::kBuilder || n.kind == NodeKind::kSet)
    for (const Node& child : n.children) collect(child, names);
}

}  // namespace

bool mentions_symbol(const Node& n, std::string_view name) {
  return (n.kind == NodeKind::kSymbol && n.text == name) ||
         std::any_of(n.children.begin(), n.children.end(),
                     [&](const Node& child) { return mentions_symbol(child, name); });
}

void rename_symbol(Node& n, const std::string& from, const std::string& to) {
  const bool named = n.kind == NodeKind::kSymbol || n.kind == NodeKind::kConstant;  // an index i is no imaginary unit
  if (named && n.text == from) {
    n.kind = NodeKind::kSymbol;
    n.text = to;
  }
  for (Node& child : n.children) rename_symbol(child, from, to);
}

Node with_bound_name_of(const Node& gold, Node answer) {
  std::vector<std::string> to, from;
  collect(gold, to);
  collect(answer, from);
  if (to.size() != 1 || from.size() != 1 || to == from) return answer;
  const std::vector<std::string> used = symbols_of(answer), others = symbols_of(gold);
  const bool taken =
      std::binary_search(used.begin(), used.end(), to[0]) || std::binary_search(others.begin(), others.end(), from[0]);
  if (!taken) rename_symbol(answer, from[0], to[0]);
  return answer;
}

}  // namespace qreason::math
