#include "eval/graders/math/closed_sums.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "eval/graders/math/bound_names.h"
#include "eval/graders/math/comparison.h"
#include "eval/graders/math/factor_parser.h"

namespace qreason::math {
namespace {

constexpr std::int64_t kFurthest = 1000;  // of a lower end or a shift

std::optional<std::int64_t> small_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool all = failure == std::errc{} && end == text.data() + text.size();
  return all && value >= -kFurthest && value <= kFurthest ? std::optional(value) : std::nullopt;
}

// "sum _k=1 ^n-1": the sum over k from 1 to n + shift.
struct OpenRange {
  std::string index, upper;
  std::int64_t low = 0, shift = 0;
};

std::optional<OpenRange> open_range_of(std::string_view name) {
  const std::size_t above = name.find(" ^");
  if (!name.starts_with("sum _") || above == std::string_view::npos || name.size() < above + 3) return std::nullopt;
  const std::string_view start = name.substr(5, above - 5), end = name.substr(above + 2);
  if (start.size() < 3 || !is_letter(start[0]) || start[1] != '=' || !is_letter(end[0]) || start[0] == end[0])
    return std::nullopt;
  OpenRange range{std::string(1, start[0]), std::string(1, end[0])};
  if (end.size() > 1 && end[1] != '+' && end[1] != '-') return std::nullopt;
  const auto low = small_number(start.substr(2));
  const auto shift = end.size() == 1 ? 0 : small_number(end.substr(end[1] == '+' ? 2 : 1));
  if (!low || !shift) return std::nullopt;
  range.low = *low;
  range.shift = *shift;
  return range;
}

Node replaced(const Node& n, const std::string& name, const Node& by) {
  if (n.kind == NodeKind::kSymbol && n.text == name) return by;
  Node result = n;
  for (Node& child : result.children) child = replaced(child, name, by);
  return result;
}

Node sum_of(Node a, Node b) {
  return make_node(NodeKind::kSum, pair(std::move(a), std::move(b)));
}

Node whole(std::int64_t value) {
  return value < 0 ? negated_node(number_node(Rational(-value))) : number_node(Rational(value));
}

bool has_open_sum(const Node& n) {
  return (n.kind == NodeKind::kCall && n.text.find(" _") != std::string::npos) ||
         std::any_of(n.children.begin(), n.children.end(), has_open_sum);
}

}  // namespace

std::optional<Decision> compare_closed_sum(const Node& sum, const Node& closed, Budget& budget) {
  const auto range = sum.kind == NodeKind::kCall ? open_range_of(sum.text) : std::nullopt;
  if (!range || has_open_sum(closed) || has_open_sum(sum.children[0])) return std::nullopt;
  const Node& term = sum.children[0];
  if (mentions_symbol(term, range->upper) || mentions_symbol(closed, range->index)) return std::nullopt;
  const Node end = make_node(NodeKind::kSymbol, {}, range->upper);
  const Decision first = compare_values(replaced(closed, range->upper, whole(range->low - range->shift)),
                                        replaced(term, range->index, whole(range->low)), budget);
  if (!first.equal()) return first;
  const Node before = replaced(closed, range->upper, sum_of(end, whole(-1)));
  const Decision step = compare_values(sum_of(closed, negated_node(before)),
                                       replaced(term, range->index, sum_of(end, whole(range->shift))), budget);
  return step.equal() ? Decision{Outcome::kEqual, "the same sum by induction"} : step;
}

}  // namespace qreason::math
