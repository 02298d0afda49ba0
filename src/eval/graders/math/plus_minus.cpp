#include "eval/graders/math/plus_minus.h"

#include <utility>

namespace qreason::math {
namespace {

int count_plus_minus(const Node& n) {
  int count = n.kind == NodeKind::kPlusMinus ? 1 : 0;
  for (const Node& child : n.children) count += count_plus_minus(child);
  return count;
}

enum class Side { kPlus, kMinus };

Node with_sign(const Node& n, Side side) {
  if (n.kind == NodeKind::kPlusMinus && side == Side::kPlus) return with_sign(n.children[0], side);
  Node result = n;
  if (n.kind == NodeKind::kPlusMinus) result.kind = NodeKind::kNegation;
  for (Node& child : result.children) child = with_sign(child, side);
  return result;
}

}  // namespace

Node expand_plus_minus(Node n) {
  const int count = count_plus_minus(n);
  if (count == 0 || count > 16) return n;
  if (n.kind == NodeKind::kList || n.kind == NodeKind::kSet) {
    std::vector<Node> elements;
    for (const Node& child : n.children) {
      Node expanded = expand_plus_minus(child);
      if (expanded.kind == NodeKind::kList && child.kind != NodeKind::kList)
        elements.insert(elements.end(), expanded.children.begin(), expanded.children.end());
      else
        elements.push_back(std::move(expanded));
    }
    n.children = std::move(elements);
    return n;
  }
  Node list{NodeKind::kList, "", std::nullopt, false, 10, {}};
  list.children = {with_sign(n, Side::kPlus), with_sign(n, Side::kMinus)};
  return list;
}

}  // namespace qreason::math
