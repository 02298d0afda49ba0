// Tuples, vectors, matrices, functions given by cases, sets and lists (the collecting half of comparison.h).
#include <algorithm>

#include "eval/graders/math/comparison.h"
#include "eval/graders/math/describe.h"
#include "eval/graders/math/matrices.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxElements = 100;

// Letters and words, "\text{B, A, C}": an order, unless "and" or "or" joins them.
bool are_in_order(const Node& list) {
  return list.text.empty() && list.children.size() >= 3 &&
         std::all_of(list.children.begin(), list.children.end(), [](const Node& n) {
           const bool capital =
               n.kind == NodeKind::kSymbol && n.text.size() == 1 && n.text[0] >= 'A' && n.text[0] <= 'Z';
           return capital || n.kind == NodeKind::kText;
         });
}

// "A and B", "A or B". Of values both list them.
bool differ_in_connective(const Node& a, const Node& b) {
  if (a.text == b.text || (a.text != "and" && a.text != "or") || (b.text != "and" && b.text != "or")) return false;
  return std::any_of(a.children.begin(), a.children.end(),
                     [](const Node& n) { return n.kind == NodeKind::kText || n.kind == NodeKind::kSymbol; });
}

// "x > 2 or y > 3": conditions of several unknowns, where "x = 2 or x = 3", "(x, y) = (1, 2) or (x, y) = (3, 4)" and
// "x < 2 or x > 5" list values of one, or are a set.
bool joins_conditions(const Node& list) {
  if (list.kind != NodeKind::kList || list.children.size() < 2) return false;
  const auto all = [&](const auto& holds) { return std::all_of(list.children.begin(), list.children.end(), holds); };
  if (!all([](const Node& n) { return n.kind == NodeKind::kRelation; })) return false;
  const std::vector<std::string> unknowns = symbols_of(list.children[0]);
  const std::string name = is_name(list.children[0].children[0]) ? described(list.children[0].children[0]) : "";
  const bool one_name = !name.empty() && all([&](const Node& n) {
    return n.text == "=" && described(n.children[0]) == name && !has_variables(n.children[1]);
  });
  return !one_name && !(unknowns.size() == 1 && all([&](const Node& n) { return symbols_of(n) == unknowns; }));
}

bool has_labels(const Node& list) {
  return std::any_of(list.children.begin(), list.children.end(),
                     [](const Node& n) { return n.kind == NodeKind::kLabelled; });
}

// "x = 2, y = 3"; "x = 2, x = 3" are two values of one.
bool names_coordinates(const std::vector<Node>& elements) {
  std::vector<std::string> names;
  for (const Node& element : elements) {
    if (element.kind != NodeKind::kRelation) return false;
    if (is_name(element.children[0])) names.push_back(described(element.children[0]));
  }
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

// "y = 4, x = 3" as "x = 3, y = 4"; as they are where letters are no neighbours in the alphabet ("m = 4, b = 3").
std::vector<Node> in_order_of_names(std::vector<Node> elements) {
  const auto name_of = [](const Node& n) {
    return n.kind == NodeKind::kRelation && n.children[0].kind == NodeKind::kSymbol ? n.children[0].text
                                                                                    : std::string();
  };
  std::vector<std::string> names;
  for (const Node& element : elements) names.push_back(name_of(element));
  std::sort(names.begin(), names.end());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool next = i == 0 || (names[i].size() == names[i - 1].size() && names[i].back() == names[i - 1].back() + 1);
    const bool indexed = names[i].size() == 3 && names[i][1] == '_' && names[i][0] == names[0][0];
    if (!next || !(names[i].size() == 1 || indexed)) return elements;
  }
  std::sort(elements.begin(), elements.end(), [&](const Node& a, const Node& b) { return name_of(a) < name_of(b); });
  return elements;
}

bool is_written_again(const Node& element, const std::vector<Node>& elements) {
  const auto may_be = [&](const Node& other) { return other.kind == element.kind && other.text == element.text; };
  return std::any_of(elements.begin(), elements.end(),
                     [&](const Node& other) { return may_be(other) && described(other) == described(element); });
}

}  // namespace

// "(3, -4)" and a matrix of one row or column, or "3\mathbf{i} - 4\mathbf{j}". nullopt: no two of these three.
std::optional<Decision> Comparison::same_vector(const Node& gold, const Node& answer) {
  const auto kind_of = [](const Node& n) {
    if (n.kind == NodeKind::kTuple) return 1;
    return has_matrix(n) ? 2 : names_unit_vectors(n) ? 3 : 0;
  };
  const int a = kind_of(gold), b = kind_of(answer);
  if (a == b || a == 0 || b == 0) return std::nullopt;
  const std::size_t tuple = a == 1 ? gold.children.size() : b == 1 ? answer.children.size() : 0;
  for (const std::size_t size : {std::size_t{2}, std::size_t{3}, tuple}) {
    if (size < 2 || size > kMaxElements) continue;
    const auto left = vector_elements(gold, size), right = vector_elements(answer, size);
    if (left && right) return in_order(*left, *right);
  }
  return kDifferentKinds;
}

Decision Comparison::same_matrix(const Node& gold, const Node& answer) {
  const auto a = as_matrix(gold), b = as_matrix(answer);
  if (!a || !b) {
    if (a || b) return kDifferentKinds;
    return {Outcome::kUndecided, "no matrix that we can compute"};
  }
  return in_order(a->children, b->children);
}

// Branch by branch, in any order, else as functions.
Decision Comparison::same_piecewise(const Node& gold, const Node& answer) {
  const auto branches = [](const Node& n) {
    std::vector<Node> pairs;
    for (std::size_t i = 0; i + 1 < n.children.size(); i += 2) {
      pairs.push_back({NodeKind::kTuple, "()", std::nullopt, false, 10, {}});
      pairs.back().children = {n.children[i], n.children[i + 1]};
    }
    return pairs;
  };
  const Decision by_branches = unordered(branches(gold), branches(answer));
  return by_branches.equal() ? by_branches : same_scalar(gold, answer);
}

Decision Comparison::in_order(const std::vector<Node>& gold, const std::vector<Node>& answer) {
  if (gold.size() != answer.size()) return {Outcome::kDifferent, "different numbers of elements"};
  const Inside inside(inside_);
  for (std::size_t i = 0; i < gold.size(); ++i) {
    const Decision element = same(gold[i], answer[i]);
    if (!element.equal()) return element;
  }
  return {Outcome::kEqual, "equal element by element"};
}

Decision Comparison::same_collection(const Node& gold, const Node& answer) {
  const auto is_tuple = [](const Node& n) { return n.kind == NodeKind::kTuple; };
  if (is_tuple(gold) && is_tuple(answer)) {
    // Of two elements a bracket says which ends an interval has; of more, tuples and vectors are written with any.
    const bool brackets = gold.text == answer.text || gold.children.size() > 2;
    return brackets ? in_order(gold.children, answer.children)
                    : Decision{Outcome::kDifferent, "different ends of intervals"};
  }
  const bool lists = gold.kind == NodeKind::kList && answer.kind == NodeKind::kList;
  if (lists && has_labels(gold) != has_labels(answer)) return in_order(gold.children, answer.children);
  if (lists && (gold.text == "or") != (answer.text == "or") && (joins_conditions(gold) || joins_conditions(answer)))
    return {Outcome::kDifferent, "conditions that all hold, and one of them"};
  if (const auto sets = same_real_set(gold, answer)) return *sets;
  if (is_tuple(gold) != is_tuple(answer)) {
    const Node& tuple = is_tuple(gold) ? gold : answer;
    const Node& other = is_tuple(gold) ? answer : gold;
    // A tuple against "x = 2, y = 3", or "{2, 3}" in braces that LaTeX does not print.
    const bool named = other.kind == NodeKind::kList && other.text != "or" && names_coordinates(other.children);
    const bool braces = other.kind == NodeKind::kList && other.text == "{}";
    if (tuple.text != "()" || !(named || braces)) return kDifferentKinds;
    const auto elements = [&](const Node& n) { return named ? in_order_of_names(n.children) : n.children; };
    return in_order(elements(gold), elements(answer));
  }
  if (gold.kind == NodeKind::kBuilder || answer.kind == NodeKind::kBuilder) {
    if (gold.kind != answer.kind) return {Outcome::kUndecided, "a set given by a condition"};
    return in_order(gold.children, answer.children);
  }
  const auto unordered_kind = [](const Node& n) { return n.kind == NodeKind::kMeet || n.kind == NodeKind::kWithout; };
  if (unordered_kind(gold) || unordered_kind(answer)) {
    if (gold.kind != answer.kind) return {Outcome::kUndecided, "operations on sets"};
    return in_order(gold.children, answer.children);
  }
  if (lists) {
    if (differ_in_connective(gold, answer)) return {Outcome::kDifferent, "\"and\" and \"or\""};
    if (are_in_order(gold) && are_in_order(answer)) return in_order(gold.children, answer.children);
  }
  // "17, 17" is not 17, but "1/2 or 0.5" is one value in two spellings.
  if (is_collection(gold) != is_collection(answer)) {
    const Node& several = is_collection(gold) ? gold : answer;
    std::vector<std::string> spellings;
    for (const Node& element : several.children) spellings.push_back(described(element));
    std::sort(spellings.begin(), spellings.end());
    if (std::adjacent_find(spellings.begin(), spellings.end()) != spellings.end())
      return {Outcome::kDifferent, "one value and several"};
  }
  const bool list = gold.kind == NodeKind::kList || answer.kind == NodeKind::kList;
  const Repeats repeats = list ? Repeats::kKept : Repeats::kOnce;
  return unordered(expanded(gold, repeats), expanded(answer, repeats));
}

// The elements of a set, list or union, each once; of those that are written alike all that are no tuples, if so
// asked: "2, 2, 3" are prime factors, a solution (3, 17) may be named twice.
std::vector<Node> Comparison::expanded(const Node& n, Repeats repeats) {
  std::vector<Node> elements;
  const std::vector<Node> single = is_collection(n) ? std::vector<Node>() : std::vector<Node>{n};
  for (const Node& element : is_collection(n) ? n.children : single) {
    const bool again = repeats == Repeats::kKept && element.kind != NodeKind::kTuple &&
                       elements.size() < kMaxElements && is_written_again(element, elements);
    if (again) {
      elements.push_back(element);
    } else if (n.kind == NodeKind::kUnion && (element.kind == NodeKind::kSet || element.kind == NodeKind::kUnion)) {
      for (const Node& inner : expanded(element, repeats)) add_unique(elements, inner);
    } else {
      add_unique(elements, element);
    }
  }
  return elements;
}

void Comparison::add_unique(std::vector<Node>& elements, const Node& element) {
  if (elements.size() >= kMaxElements) return;
  const Inside inside(inside_);
  for (const Node& other : elements)
    if (same(other, element).equal()) return;
  elements.push_back(element);
}

Decision Comparison::unordered(const std::vector<Node>& gold, const std::vector<Node>& answer) {
  if (gold.size() >= kMaxElements || answer.size() >= kMaxElements)
    return {Outcome::kUndecided, "too many elements to decide"};
  if (gold.size() != answer.size()) return {Outcome::kDifferent, "different numbers of elements"};
  const Inside inside(inside_);
  std::vector<bool> used(answer.size(), false);
  // "{{1}}" is not "{1}".
  const auto may_match = [](const Node& a, const Node& b) {
    return (a.kind == NodeKind::kSet) == (b.kind == NodeKind::kSet);
  };
  for (const Node& element : gold) {
    std::size_t match = 0;
    while (match < answer.size() &&
           (used[match] || !may_match(element, answer[match]) || !same(element, answer[match]).equal()))
      ++match;
    if (match == answer.size()) return {Outcome::kDifferent, "an element that the other does not have"};
    used[match] = true;
  }
  return {Outcome::kEqual, "the same elements"};
}

}  // namespace qreason::math
