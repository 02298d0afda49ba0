#include "eval/graders/math/matrices.h"

#include <algorithm>

#include "eval/graders/math/factor_parser.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxElements = 400;

bool rectangular(const Node& m) {
  return !m.children.empty() && std::all_of(m.children.begin(), m.children.end(), [&](const Node& row) {
    return row.children.size() == m.children[0].children.size();
  });
}

template <class Change>
Node each_element(Node m, Change change) {
  for (Node& row : m.children)
    for (Node& element : row.children) element = change(std::move(element));
  return m;
}

std::optional<Node> added(Node a, const Node& b) {
  if (a.children.size() != b.children.size() || a.children[0].children.size() != b.children[0].children.size())
    return std::nullopt;
  for (std::size_t i = 0; i < a.children.size(); ++i)
    for (std::size_t j = 0; j < a.children[i].children.size(); ++j)
      a.children[i].children[j] =
          make_node(NodeKind::kSum, pair(std::move(a.children[i].children[j]), b.children[i].children[j]));
  return a;
}

std::optional<Node> product_of(const Node& a, const Node& b) {
  const std::size_t inner = b.children.size(), width = b.children[0].children.size();
  if (a.children[0].children.size() != inner || a.children.size() * inner * width > kMaxElements) return std::nullopt;
  Node result = make_node(NodeKind::kMatrix, {});
  for (const Node& row : a.children) {
    Node line = make_node(NodeKind::kTuple, {}, "[]");
    for (std::size_t j = 0; j < width; ++j) {
      std::vector<Node> terms;
      for (std::size_t k = 0; k < inner; ++k) terms.push_back(multiplied(row.children[k], b.children[k].children[j]));
      line.children.push_back(terms.size() == 1 ? std::move(terms[0]) : make_node(NodeKind::kSum, std::move(terms)));
    }
    result.children.push_back(std::move(line));
  }
  return result;
}

std::optional<Node> sum_of(const Node& n) {
  auto result = as_matrix(n.children[0]);
  for (std::size_t i = 1; i < n.children.size() && result; ++i) {
    const auto next = as_matrix(n.children[i]);
    if (!next) return std::nullopt;
    result = added(*std::move(result), *next);
  }
  return result;
}

std::optional<Node> folded_product(const Node& n) {
  std::optional<Node> matrix;
  std::vector<Node> factors;
  for (const Node& child : n.children) {
    if (!has_matrix(child)) {
      factors.push_back(child);
      continue;
    }
    const auto next = as_matrix(child);
    if (!next) return std::nullopt;
    matrix = matrix ? product_of(*matrix, *next) : next;
    if (!matrix) return std::nullopt;
  }
  if (!matrix) return std::nullopt;
  for (const Node& factor : factors)
    matrix = each_element(*std::move(matrix), [&](Node e) { return multiplied(factor, std::move(e)); });
  return matrix;
}

}  // namespace

std::optional<Node> determinant(const Node& m) {
  const std::size_t size = m.children.size();
  if (!rectangular(m) || size == 0 || size > 4 || m.children[0].children.size() != size) return std::nullopt;
  if (size == 1) return m.children[0].children[0];
  // Along the first row.
  std::vector<Node> terms;
  for (std::size_t j = 0; j < size; ++j) {
    Node minor = make_node(NodeKind::kMatrix, {});
    for (std::size_t i = 1; i < size; ++i) {
      Node row = m.children[i];
      row.children.erase(row.children.begin() + static_cast<std::ptrdiff_t>(j));
      minor.children.push_back(std::move(row));
    }
    Node term = multiplied(m.children[0].children[j], *determinant(minor));
    terms.push_back(j % 2 == 0 ? std::move(term) : make_node(NodeKind::kNegation, single(std::move(term))));
  }
  return make_node(NodeKind::kSum, std::move(terms));
}

bool has_matrix(const Node& n) {
  if (n.kind == NodeKind::kMatrix) return true;
  switch (n.kind) {
    case NodeKind::kSum:
    case NodeKind::kProduct:
    case NodeKind::kNegation:
    case NodeKind::kQuotient:
    case NodeKind::kPower:
      return std::any_of(n.children.begin(), n.children.end(), has_matrix);
    default:
      return false;
  }
}

std::optional<Node> as_matrix(const Node& n) {
  switch (n.kind) {
    case NodeKind::kMatrix: {
      std::size_t elements = 0;
      for (const Node& row : n.children) elements += row.children.size();
      return rectangular(n) && elements <= kMaxElements ? std::optional(n) : std::nullopt;
    }
    case NodeKind::kSum:
      return sum_of(n);
    case NodeKind::kProduct:
      return folded_product(n);
    case NodeKind::kNegation: {
      auto inner = as_matrix(n.children[0]);
      if (!inner) return std::nullopt;
      return each_element(*std::move(inner),
                          [](Node e) { return make_node(NodeKind::kNegation, single(std::move(e))); });
    }
    case NodeKind::kQuotient: {
      auto inner = as_matrix(n.children[0]);
      if (!inner || has_matrix(n.children[1])) return std::nullopt;
      return each_element(*std::move(inner),
                          [&](Node e) { return make_node(NodeKind::kQuotient, pair(std::move(e), n.children[1])); });
    }
    default:
      return std::nullopt;
  }
}

}  // namespace qreason::math
