// Sums and products over whole numbers, term by term (a part of factor_parser.h).
#include <algorithm>
#include <charconv>

#include "eval/graders/math/factor_parser.h"

namespace qreason::math {
namespace {

struct Range {
  std::string name;
  std::int64_t low = 0, high = 0;
  NodeKind kind = NodeKind::kSum;
};

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// "sum _k=1 ^10"
std::optional<Range> range_of(std::string_view name) {
  Range range;
  if (name.starts_with("prod "))
    range.kind = NodeKind::kProduct;
  else if (!name.starts_with("sum "))
    return std::nullopt;
  const std::size_t below = name.find(" _"), above = name.find(" ^", below);
  if (below == std::string_view::npos || above == std::string_view::npos) return std::nullopt;
  const std::string_view start = name.substr(below + 2, above - below - 2);
  const auto low = start.size() > 2 && is_letter(start[0]) && start[1] == '=' ? whole(start.substr(2)) : std::nullopt;
  const auto high = whole(name.substr(above + 2));
  if (!low || !high || *low < -1'000'000 || *high > 1'000'000 || *high < *low) return std::nullopt;
  range.name.assign(1, start[0]);
  range.low = *low;
  range.high = *high;
  return range;
}

// Nodes of the body; 0 when it holds a sum that is not written out, whose own letter may be the same.
std::size_t size_of(const Node& n) {
  if (n.kind == NodeKind::kCall && n.text.find(" _") != std::string::npos) return 0;
  std::size_t size = 1;
  for (const Node& child : n.children) {
    const std::size_t part = size_of(child);
    if (part == 0) return 0;
    size += part;
  }
  return size;
}

Node with_value(const Node& n, const std::string& name, std::int64_t value) {
  if ((n.kind == NodeKind::kSymbol || n.kind == NodeKind::kConstant) && n.text == name)
    return number_node(Rational(value));
  Node result = n;
  for (Node& child : result.children) child = with_value(child, name, value);
  return result;
}

}  // namespace

std::optional<Node> written_out(const std::string& name, const Node& body, std::size_t& expanded) {
  const auto range = range_of(name);
  const std::size_t size = range ? size_of(body) : 0;
  if (size == 0) return std::nullopt;
  const auto count = static_cast<std::size_t>(range->high - range->low + 1);
  if (count > kMaxExpanded || expanded + count * size > kMaxExpanded) return std::nullopt;
  expanded += count * size;
  std::vector<Node> terms;
  for (std::int64_t value = range->low; value <= range->high; ++value)
    terms.push_back(with_value(body, range->name, value));
  return terms.size() == 1 ? std::move(terms[0]) : make_node(range->kind, std::move(terms));
}

}  // namespace qreason::math
