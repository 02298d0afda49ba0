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

// Of 2 to 4: what is written out grows with each.
std::optional<Node> whole_power(const Node& n) {
  const auto exponent = is_integer_node(n.children[1]) ? n.children[1].value->to_int64() : std::nullopt;
  const auto matrix = exponent && *exponent >= 2 && *exponent <= 4 ? as_matrix(n.children[0]) : std::nullopt;
  if (!matrix || matrix->children.size() > 3) return std::nullopt;
  std::optional<Node> result = matrix;
  for (std::int64_t i = 1; i < *exponent && result; ++i) result = product_of(*result, *matrix);
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

Node transposed(const Node& matrix) {
  if (!rectangular(matrix)) return matrix;
  Node result = make_node(NodeKind::kMatrix, {});
  for (std::size_t j = 0; j < matrix.children[0].children.size(); ++j) {
    Node row = make_node(NodeKind::kTuple, {}, "[]");
    for (const Node& line : matrix.children) row.children.push_back(line.children[j]);
    result.children.push_back(std::move(row));
  }
  return result;
}

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
    case NodeKind::kPower:
      return whole_power(n);
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

namespace {

constexpr std::string_view kAxes = "ijk";

// The axis of a letter that may be a unit vector, npos for another thing. A plain i is the imaginary unit.
std::size_t axis_of(const Node& n) {
  if (n.kind != NodeKind::kSymbol || n.text.empty()) return std::string_view::npos;
  const bool marked = n.text.size() == 5 && (n.text.starts_with("vec ") || n.text.starts_with("hat "));
  return n.text.size() == 1 || marked ? kAxes.find(n.text.back()) : std::string_view::npos;
}

bool mentions_axis(const Node& n) {
  return axis_of(n) != std::string_view::npos || std::any_of(n.children.begin(), n.children.end(), mentions_axis);
}

std::size_t last_axis(const Node& n) {
  std::size_t last = axis_of(n) == std::string_view::npos ? 0 : axis_of(n);
  for (const Node& child : n.children) last = std::max(last, last_axis(child));
  return last;
}

// Sums of multiples of unit vectors.
bool is_linear(const Node& n) {
  switch (n.kind) {
    case NodeKind::kSum:
    case NodeKind::kNegation:
      return std::all_of(n.children.begin(), n.children.end(), is_linear);
    case NodeKind::kProduct: {
      const auto vectors = std::count_if(n.children.begin(), n.children.end(), mentions_axis);
      return vectors == 1 && std::all_of(n.children.begin(), n.children.end(), [](const Node& factor) {
               return !mentions_axis(factor) || is_linear(factor);
             });
    }
    case NodeKind::kQuotient:
      return is_linear(n.children[0]) && !mentions_axis(n.children[1]);
    default:
      return axis_of(n) != std::string_view::npos;
  }
}

Node along_axis(const Node& n, std::size_t axis) {
  if (const std::size_t own = axis_of(n); own != std::string_view::npos)
    return number_node(Rational(own == axis ? 1 : 0));
  Node result = n;
  for (Node& child : result.children) child = along_axis(child, axis);
  return result;
}

}  // namespace

bool names_unit_vectors(const Node& n) {
  const bool marked = n.kind == NodeKind::kSymbol && n.text.size() == 5 && axis_of(n) != std::string_view::npos;
  return marked || std::any_of(n.children.begin(), n.children.end(), names_unit_vectors);
}

std::optional<std::vector<Node>> vector_elements(const Node& n, std::size_t size) {
  std::vector<Node> elements;
  if (n.kind == NodeKind::kTuple && n.text == "()") {
    elements = n.children;
  } else if (has_matrix(n)) {
    const auto matrix = as_matrix(n);
    if (!matrix || (matrix->children.size() != 1 && matrix->children[0].children.size() != 1)) return std::nullopt;
    for (const Node& row : matrix->children) elements.insert(elements.end(), row.children.begin(), row.children.end());
  } else if (names_unit_vectors(n) && is_linear(n) && size <= kAxes.size()) {
    for (std::size_t axis = 0; axis < size; ++axis) elements.push_back(along_axis(n, axis));
    if (last_axis(n) >= size) return std::nullopt;
  }
  return elements.size() == size ? std::optional(std::move(elements)) : std::nullopt;
}

}  // namespace qreason::math
