#include "eval/graders/math/real_set.h"

#include <algorithm>

#include "eval/graders/math/comparison.h"
#include "eval/graders/math/describe.h"
#include "eval/graders/math/factor_parser.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxEnds = 24;

bool is_reals(const Node& n) {
  return n.kind == NodeKind::kSymbol && n.text == "reals";
}

bool is_abs(const Node& n) {
  return n.kind == NodeKind::kCall && n.text == "abs" && n.children.size() == 1;
}

char mirrored(char sign) {
  return sign == '<' ? '>' : sign == '>' ? '<' : sign == 'l' ? 'g' : sign == 'g' ? 'l' : sign;
}

Node relation_node(Node left, char sign, Node right) {
  return make_node(NodeKind::kRelation, pair(std::move(left), std::move(right)), std::string(1, sign));
}

// Left sides hold the unknown; what has none on either side, or on both, is not for us.
std::optional<Node> with_unknown_left(const Node& left, char sign, const Node& right) {
  const bool a = has_variables(left) && !is_infinite(left), b = has_variables(right) && !is_infinite(right);
  if (a && !b) return relation_node(left, sign, right);
  if (b && !a) return relation_node(right, mirrored(sign), left);
  return std::nullopt;
}

// All sets are read over the same ordered ends E0 < E1 < ...; a set is which of the cells (-oo, E0), {E0}, (E0, E1),
// {E1}, ... it holds.
class SetReader {
 public:
  explicit SetReader(Budget& budget) : budget_(budget) {}

  // First pass: the ends. False: no set of reals.
  bool collect(const Node& n) {
    if (!budget_.spend(50)) return false;
    switch (n.kind) {
      case NodeKind::kSymbol:
        return is_reals(n);
      case NodeKind::kTuple:
        return n.children.size() == 2 && add_end(n.children[0]) && add_end(n.children[1]);
      case NodeKind::kSet:
        return std::all_of(n.children.begin(), n.children.end(), [&](const Node& e) { return add_end(e); });
      case NodeKind::kUnion:
      case NodeKind::kMeet:
      case NodeKind::kWithout:
        return std::all_of(n.children.begin(), n.children.end(), [&](const Node& e) { return collect(e); });
      case NodeKind::kList:
        return std::all_of(n.children.begin(), n.children.end(), [&](const Node& e) {
          return (e.kind == NodeKind::kRelation || e.kind == NodeKind::kTuple) && collect(e);
        });
      case NodeKind::kBuilder:
        return named(n.children[0]) && collect(n.children[1]);
      case NodeKind::kRelation:
        return collect_relation(n);
      default:
        return false;
    }
  }

  bool sort_ends() {
    std::vector<Node> sorted;
    for (const Node& end : ends_) {
      std::size_t at = 0;
      int order = 1;
      while (at < sorted.size()) {
        const auto found = order_of(end, sorted[at], budget_);
        if (!found) return false;
        order = *found;
        if (order <= 0) break;
        ++at;
      }
      if (at < sorted.size() && order == 0) continue;
      sorted.insert(sorted.begin() + static_cast<std::ptrdiff_t>(at), end);
    }
    ends_ = std::move(sorted);
    return true;
  }

  // Second pass: the cells. nullopt: an empty interval, an end that cannot be found again.
  std::optional<std::vector<bool>> cells(const Node& n) {
    switch (n.kind) {
      case NodeKind::kSymbol:
        return std::vector<bool>(count(), true);
      case NodeKind::kTuple:
        return interval(n);
      case NodeKind::kSet: {
        std::vector<bool> result(count(), false);
        for (const Node& element : n.children) {
          const auto at = position(element);
          if (!at) return std::nullopt;
          result[*at] = true;
        }
        return result;
      }
      case NodeKind::kUnion:
        return combined(n.children, [](bool a, bool b) { return a || b; });
      case NodeKind::kMeet:
        return combined(n.children, [](bool a, bool b) { return a && b; });
      case NodeKind::kWithout:
        return combined(n.children, [](bool a, bool b) { return a && !b; });
      case NodeKind::kList: {
        // A comma says that both hold, unless they cannot: "x > 2, x < 5", but "x < 2, x > 5".
        const auto both = combined(n.children, [](bool a, bool b) { return a && b; });
        const bool empty = both && std::find(both->begin(), both->end(), true) == both->end();
        const bool relations = std::all_of(n.children.begin(), n.children.end(),
                                           [](const Node& e) { return e.kind == NodeKind::kRelation; });
        if (n.text == "and" || (n.text != "or" && relations && !empty)) return both;
        return combined(n.children, [](bool a, bool b) { return a || b; });
      }
      case NodeKind::kBuilder:
        return cells(n.children[1]);
      case NodeKind::kRelation:
        return relation_cells(n);
      default:
        return std::nullopt;
    }
  }

  std::size_t ends() const { return ends_.size(); }

 private:
  std::size_t count() const { return 2 * ends_.size() + 1; }

  bool add_end(const Node& end) {
    if (is_infinite(end)) return true;
    if (has_variables(end) || ends_.size() >= kMaxEnds || is_collection(end) || end.kind == NodeKind::kRelation)
      return false;
    ends_.push_back(end);
    return true;
  }

  // One unknown: "x", "f(x)"; the element of a condition may say "x \in R".
  bool named(const Node& n) {
    if (n.kind == NodeKind::kRelation) return n.text == "e" && is_reals(n.children[1]) && named(n.children[0]);
    const auto names = symbols_of(n);
    if (names.size() != 1 && n.kind != NodeKind::kApply) return false;
    const std::string name = n.kind == NodeKind::kApply ? described(n) : names[0];
    if (unknown_.empty()) unknown_ = name;
    return unknown_ == name;
  }

  bool collect_relation(const Node& n) {
    if (n.text == "e") return named(n.children[0]) && collect(n.children[1]);
    for (std::size_t i = 0; i < n.text.size(); ++i) {
      const auto part = with_unknown_left(n.children[i], n.text[i], n.children[i + 1]);
      if (!part || n.text[i] == 'e' || n.text[i] == 'a') return false;
      if (is_abs(part->children[0])) {
        if (!collect_relation(relation_node(part->children[0].children[0], '<', part->children[1])) ||
            !collect_relation(relation_node(part->children[0].children[0], '<', negated_node(part->children[1]))))
          return false;
        continue;
      }
      const auto bound = solved(*part);
      if (!bound || !named(part->children[0]) || !add_end(bound->children[1])) return false;
    }
    return true;
  }

  // "2x + 1 > 7" as "x > 3": linear in its only unknown, with exact numbers; a bare name as it is.
  std::optional<Node> solved(const Node& relation) {
    const Node& left = relation.children[0];
    if (left.kind == NodeKind::kSymbol || left.kind == NodeKind::kApply) return relation;
    const auto names = symbols_of(left);
    const auto right = exact_value(relation.children[1], budget_);
    if (names.size() != 1 || !right) return std::nullopt;
    Rational y[3];
    for (int x = 0; x < 3; ++x) {
      const Point point{{{names[0], Rational(x)}}};
      Evaluator evaluator(point, 128, budget_);
      const auto value = evaluator.value(left);
      if (!value || !value->exact) return std::nullopt;
      y[x] = *value->exact;
    }
    const auto slope = y[1].plus(y[0].negated()), next = y[2].plus(y[1].negated());
    if (!slope || !next || !(*slope == *next) || slope->is_zero() || left.kind == NodeKind::kCall) return std::nullopt;
    const auto rest = right->plus(y[0].negated());
    const auto root = rest ? rest->over(*slope) : std::nullopt;
    if (!root || mentions_other_than_polynomials(left)) return std::nullopt;
    const char sign = slope->sign() < 0 ? mirrored(relation.text[0]) : relation.text[0];
    return relation_node(make_node(NodeKind::kSymbol, {}, names[0]), sign, number_node(*root));
  }

  // Three points on a line say nothing of floors and absolute values.
  static bool mentions_other_than_polynomials(const Node& n) {
    return n.kind == NodeKind::kCall || n.kind == NodeKind::kPower || n.kind == NodeKind::kFactorial ||
           std::any_of(n.children.begin(), n.children.end(), mentions_other_than_polynomials);
  }

  // The index of the cell {end}.
  std::optional<std::size_t> position(const Node& end) {
    for (std::size_t i = 0; i < ends_.size(); ++i)
      if (order_of(end, ends_[i], budget_) == 0) return 2 * i + 1;
    return std::nullopt;
  }

  std::optional<std::vector<bool>> interval(const Node& n) {
    const Node& low = n.children[0];
    const Node& high = n.children[1];
    std::optional<std::size_t> from = 0, to = count() - 1;
    if (!is_infinite(low)) from = position(low);
    if (!is_infinite(high)) to = position(high);
    if (!from || !to || *from > *to) return std::nullopt;
    if (is_infinite(low) && low.kind != NodeKind::kNegation) return std::nullopt;
    if (is_infinite(high) && high.kind == NodeKind::kNegation) return std::nullopt;
    std::vector<bool> result(count(), false);
    for (std::size_t i = *from; i <= *to; ++i) result[i] = true;
    if (!is_infinite(low) && n.text[0] == '(') result[*from] = false;
    if (!is_infinite(high) && n.text[1] == ')') result[*to] = false;
    if (*from == *to && !is_infinite(low) && n.text != "[]") return std::nullopt;
    return result;
  }

  template <class Combine>
  std::optional<std::vector<bool>> combined(const std::vector<Node>& parts, Combine combine) {
    auto result = cells(parts[0]);
    for (std::size_t i = 1; i < parts.size() && result; ++i) {
      const auto next = cells(parts[i]);
      if (!next) return std::nullopt;
      for (std::size_t cell = 0; cell < count(); ++cell) (*result)[cell] = combine((*result)[cell], (*next)[cell]);
    }
    return result;
  }

  std::optional<std::vector<bool>> relation_cells(const Node& n) {
    if (n.text == "e") return cells(n.children[1]);
    std::vector<bool> result(count(), true);
    for (std::size_t i = 0; i < n.text.size(); ++i) {
      const auto part = with_unknown_left(n.children[i], n.text[i], n.children[i + 1]);
      const auto one = part ? single_relation(*part) : std::nullopt;
      if (!one) return std::nullopt;
      for (std::size_t cell = 0; cell < count(); ++cell) result[cell] = result[cell] && (*one)[cell];
    }
    return result;
  }

  std::optional<std::vector<bool>> single_relation(const Node& relation) {
    if (is_abs(relation.children[0])) return absolute_relation(relation);
    const auto bound = solved(relation);
    if (!bound) return std::nullopt;
    const char sign = bound->text[0];
    std::vector<bool> result(count(), false);
    if (const Node& end = bound->children[1]; is_infinite(end)) {
      // "x < \infty" says nothing, "x > \infty" nothing that is true.
      const bool below = sign == '<' || sign == 'l', above = sign == '>' || sign == 'g';
      if (end.kind == NodeKind::kNegation ? !above : !below) return std::nullopt;
      return std::vector<bool>(count(), true);
    }
    const auto at = position(bound->children[1]);
    if (!at) return std::nullopt;
    for (std::size_t cell = 0; cell < count(); ++cell) {
      if (cell < *at) result[cell] = sign == '<' || sign == 'l' || sign == 'n';
      if (cell == *at) result[cell] = sign == 'l' || sign == 'g' || sign == '=';
      if (cell > *at) result[cell] = sign == '>' || sign == 'g' || sign == 'n';
    }
    return result;
  }

  // |u| < a is -a < u < a; |u| > a is u < -a or u > a.
  std::optional<std::vector<bool>> absolute_relation(const Node& relation) {
    const Node& inside = relation.children[0].children[0];
    const char sign = relation.text[0];
    const auto one = single_relation(relation_node(inside, sign, relation.children[1]));
    const auto other = single_relation(relation_node(inside, mirrored(sign), negated_node(relation.children[1])));
    if (!one || !other) return std::nullopt;
    const bool either = sign == '>' || sign == 'g' || sign == '=';
    std::vector<bool> result(count());
    for (std::size_t cell = 0; cell < count(); ++cell)
      result[cell] = either ? (*one)[cell] || (*other)[cell] : (*one)[cell] && (*other)[cell];
    return result;
  }

  Budget& budget_;
  std::vector<Node> ends_;
  std::string unknown_;
};

}  // namespace

bool is_real_set(const Node& n) {
  switch (n.kind) {
    case NodeKind::kSymbol:
      return is_reals(n);
    case NodeKind::kTuple:
      return n.children.size() == 2 && (n.text != "()" || is_infinite(n.children[0]) || is_infinite(n.children[1]));
    case NodeKind::kUnion:
    case NodeKind::kMeet:
    case NodeKind::kWithout:
    case NodeKind::kBuilder:
      return true;
    case NodeKind::kRelation:
      return n.text.find_first_not_of("<>lgne") == std::string::npos;
    case NodeKind::kList:
      return std::all_of(n.children.begin(), n.children.end(),
                         [](const Node& e) { return e.kind == NodeKind::kRelation && is_real_set(e); });
    default:
      return false;
  }
}

std::optional<Decision> compare_real_sets(const Node& a, const Node& b, Budget& budget) {
  if (!is_real_set(a) && !is_real_set(b)) return std::nullopt;
  SetReader reader(budget);
  if (!reader.collect(a) || !reader.collect(b) || !reader.sort_ends()) return std::nullopt;
  const auto left = reader.cells(a), right = reader.cells(b);
  if (!left || !right) return std::nullopt;
  return *left == *right ? Decision{Outcome::kEqual, "the same set of real numbers"}
                         : Decision{Outcome::kDifferent, "different sets of real numbers"};
}

}  // namespace qreason::math
