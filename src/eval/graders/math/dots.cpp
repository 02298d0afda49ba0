#include "eval/graders/math/dots.h"

#include <algorithm>

#include "eval/graders/math/factor_parser.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMostFilledIn = 99;  // elements: what a comparison takes (collections.cpp)
constexpr std::size_t kMostByRatio = 200;  // elements of a sum
constexpr std::size_t kFewest = 2, kFewestByRatio = 3;

bool is_dots(const Node& n) {
  return n.kind == NodeKind::kSymbol && n.text == "ldots";
}

// Digits with at most a sign.
std::optional<Rational> whole_number(const Node& n) {
  if (n.kind == NodeKind::kNegation && is_integer_node(n.children[0])) return n.children[0].value->negated();
  return is_integer_node(n) ? n.value : std::nullopt;
}

Node node_of(const Rational& value) {
  if (value.sign() >= 0) return number_node(value);
  return make_node(NodeKind::kNegation, single(number_node(value.negated())));
}

// All numbers [begin, end) of the elements; nullopt where one is no whole number.
std::optional<std::vector<Rational>> whole_numbers(const std::vector<Node>& elements, std::size_t begin,
                                                   std::size_t end) {
  std::vector<Rational> values;
  for (std::size_t i = begin; i < end; ++i) {
    const auto value = whole_number(elements[i]);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

// What leads from each element to the next.
struct Progression {
  Rational step;
  bool by_ratio = false;

  std::optional<Rational> next(const Rational& value) const { return by_ratio ? value.times(step) : value.plus(step); }
};

bool goes_on(const Progression& progression, const std::vector<Rational>& values) {
  for (std::size_t i = 1; i < values.size(); ++i)
    if (progression.next(values[i - 1]) != values[i]) return false;
  return true;
}

std::optional<Progression> progression_of(const std::vector<Rational>& values) {
  if (values.size() < kFewest) return std::nullopt;
  const auto step = values[1].plus(values[0].negated());
  if (!step || step->is_zero()) return std::nullopt;
  if (const Progression equal_steps{*step}; goes_on(equal_steps, values)) return equal_steps;
  const auto ratio = values[1].over(values[0]);
  if (values.size() < kFewestByRatio || !ratio || !ratio->is_integer() || ratio->absolute() == Rational(1))
    return std::nullopt;
  const Progression equal_ratios{*ratio, true};
  return goes_on(equal_ratios, values) ? std::optional(equal_ratios) : std::nullopt;
}

// How many elements there are from `first` to `last`, both included; nullopt where `last` is none of them.
std::optional<std::int64_t> count_to(const Progression& progression, const Rational& first, const Rational& last) {
  if (!progression.by_ratio) {
    const auto way = last.plus(first.negated());
    const auto steps = way ? way->over(progression.step) : std::nullopt;
    const auto count = steps && steps->is_integer() ? steps->to_int64() : std::nullopt;
    return count && *count >= 0 && *count < INT64_MAX ? std::optional(*count + 1) : std::nullopt;
  }
  auto value = std::optional(first);
  for (std::size_t count = 1; value && count <= kMostByRatio; ++count, value = progression.next(*value))
    if (*value == last) return static_cast<std::int64_t>(count);
  return std::nullopt;
}

// Where the only dots are, with elements on both sides; the end where there are none.
std::size_t only_dots(const std::vector<Node>& elements) {
  const auto at = std::find_if(elements.begin(), elements.end(), is_dots);
  const bool inside = at != elements.begin() && at != elements.end() && at + 1 != elements.end();
  if (!inside || std::find_if(at + 1, elements.end(), is_dots) != elements.end()) return elements.size();
  return static_cast<std::size_t>(at - elements.begin());
}

}  // namespace

std::vector<Node> without_dots(std::vector<Node> elements) {
  const std::size_t dots = only_dots(elements);
  if (dots == elements.size()) return elements;
  const auto before = whole_numbers(elements, 0, dots);
  const auto progression = before ? progression_of(*before) : std::nullopt;
  if (!progression) return elements;
  const auto behind = whole_numbers(elements, dots + 1, elements.size());
  const auto count = behind ? count_to(*progression, before->front(), behind->back()) : std::nullopt;
  const auto written = static_cast<std::int64_t>(elements.size()) - 1;
  if (behind && (!count || !goes_on(*progression, *behind) || *count < written)) return elements;
  std::vector<Node> result;
  if (behind && *count <= static_cast<std::int64_t>(kMostFilledIn)) {
    auto value = std::optional(before->front());
    for (std::int64_t i = 0; i < *count && value; ++i, value = progression->next(*value))
      result.push_back(node_of(*value));
    return result;
  }
  if (progression->by_ratio || (!behind && elements.size() != dots + 2)) return elements;
  result = {node_of((*before)[0]), node_of((*before)[1]), std::move(elements[dots]), std::move(elements.back())};
  return result;
}

std::optional<Rational> sum_with_dots(const std::vector<Node>& terms) {
  const std::size_t dots = only_dots(terms);
  if (dots == terms.size() || dots < kFewestByRatio) return std::nullopt;
  const auto before = whole_numbers(terms, 0, dots), behind = whole_numbers(terms, dots + 1, terms.size());
  const auto progression = before && behind ? progression_of(*before) : std::nullopt;
  if (!progression || !goes_on(*progression, *behind)) return std::nullopt;
  const auto count = count_to(*progression, before->front(), behind->back());
  if (!count || *count < static_cast<std::int64_t>(terms.size()) - 1) return std::nullopt;
  if (!progression->by_ratio) {
    const auto ends = before->front().plus(behind->back());
    const auto twice = ends ? ends->times(Rational(*count)) : std::nullopt;
    return twice ? twice->over(Rational(2)) : std::nullopt;
  }
  auto sum = std::optional(Rational(0));
  auto term = std::optional(before->front());
  for (std::int64_t i = 0; i < *count && sum && term; ++i, term = progression->next(*term)) sum = sum->plus(*term);
  return sum;
}

}  // namespace qreason::math
