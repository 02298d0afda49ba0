#include "eval/graders/math/describe.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxLength = 1000;

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case NodeKind::kNumber:
      return "number";
    case NodeKind::kBased:
      return "based";
    case NodeKind::kConstant:
      return "constant";
    case NodeKind::kSymbol:
      return "symbol";
    case NodeKind::kText:
      return "words";
    case NodeKind::kSum:
      return "sum";
    case NodeKind::kProduct:
      return "product";
    case NodeKind::kQuotient:
      return "quotient";
    case NodeKind::kPower:
      return "power";
    case NodeKind::kNegation:
      return "minus";
    case NodeKind::kPlusMinus:
      return "plusminus";
    case NodeKind::kPercent:
      return "percent";
    case NodeKind::kFactorial:
      return "factorial";
    case NodeKind::kCall:
    case NodeKind::kApply:
      return node.text;
    case NodeKind::kMeasure:
      return "measure";
    case NodeKind::kMod:
      return "mod";
    case NodeKind::kTuple:
      return "tuple";
    case NodeKind::kSet:
      return "set";
    case NodeKind::kList:
      return "list";
    case NodeKind::kUnion:
      return "union";
    case NodeKind::kMeet:
      return "intersection";
    case NodeKind::kWithout:
      return "without";
    case NodeKind::kBuilder:
      return "set where";
    case NodeKind::kMatrix:
      return "matrix";
    case NodeKind::kRelation:
      return "relation";
    case NodeKind::kPiecewise:
      return "cases";
    case NodeKind::kRatio:
      return "ratio";
    case NodeKind::kLabelled:
      return "labelled";
  }
  return "?";
}

void append(const Node& node, std::string& out) {
  if (out.size() > kMaxLength) return;
  if (node.kind == NodeKind::kNumber || node.kind == NodeKind::kConstant || node.kind == NodeKind::kSymbol) {
    out += node.text;
    return;
  }
  if (node.kind == NodeKind::kText) {
    out += "\"" + node.text + "\"";
    return;
  }
  out += kind_name(node);
  if (node.kind == NodeKind::kTuple || node.kind == NodeKind::kRelation || node.kind == NodeKind::kMeasure ||
      node.kind == NodeKind::kLabelled)
    out += " " + node.text;
  if (node.kind == NodeKind::kBased) out += " " + node.text + " in base " + std::to_string(node.base);
  if (node.children.empty()) return;
  out += "(";
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) out += ", ";
    append(node.children[i], out);
  }
  out += ")";
}

}  // namespace

std::string described(const Node& node) {
  std::string out;
  append(node, out);
  if (out.size() > kMaxLength) {
    out.resize(kMaxLength);
    out += " ...";
  }
  return out;
}

}  // namespace qreason::math
