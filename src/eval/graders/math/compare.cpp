#include "eval/graders/math/compare.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "eval/graders/math/bound_names.h"
#include "eval/graders/math/comparison.h"
#include "eval/graders/math/describe.h"
#include "eval/graders/math/evaluate.h"
#include "eval/graders/math/leading_words.h"
#include "eval/graders/math/matrices.h"
#include "eval/graders/math/no_solutions.h"
#include "eval/graders/math/readings.h"
#include "eval/graders/math/text_form.h"
#include "eval/graders/math/words.h"
#include "eval/graders/math/written_value.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxElements = 100;
constexpr std::int64_t kStepsPerComparison = 100;

// The letters of a text, or of a product of letters.
std::optional<std::string> spelled(const Node& n) {
  if (n.kind == NodeKind::kText) return n.text;
  if (n.kind != NodeKind::kProduct) return std::nullopt;
  std::string letters;
  for (const Node& child : n.children) {
    const bool letter =
        (child.kind == NodeKind::kSymbol || child.kind == NodeKind::kConstant) && child.text.size() == 1;
    if (!letter) return std::nullopt;
    letters += child.text;
  }
  return letters.size() >= 3 ? std::optional(letters) : std::nullopt;
}

}  // namespace

namespace {

// "\\angle ABC", "\\triangle ABC": which of the two; empty for anything else.
std::string_view figure_of(const Node& n) {
  if (!is_operated(n)) return {};
  const std::string_view name = std::string_view(n.text).substr(kOperation.size());
  return name == "angle" || name == "triangle" ? name : std::string_view{};
}

bool has_figure(const Node& n) {
  return !figure_of(n).empty() || std::any_of(n.children.begin(), n.children.end(), has_figure);
}

Node without_figures(Node n) {
  for (Node& child : n.children) child = without_figures(std::move(child));
  if (figure_of(n).empty()) return n;
  Node inside = std::move(n.children[0]);
  return inside;
}

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

bool is_collection(const Node& n) {
  return n.kind == NodeKind::kTuple || n.kind == NodeKind::kSet || n.kind == NodeKind::kList ||
         n.kind == NodeKind::kUnion || n.kind == NodeKind::kMeet || n.kind == NodeKind::kWithout ||
         n.kind == NodeKind::kBuilder;
}

bool is_infinite(const Node& n) {
  if (n.kind == NodeKind::kNegation) return is_infinite(n.children[0]);
  return n.kind == NodeKind::kSymbol && n.text == "infty";
}

Node negated_node(Node n) {
  Node result{NodeKind::kNegation, "", std::nullopt, false, 10, {}};
  result.children.push_back(std::move(n));
  return result;
}

Decision Comparison::same(const Node& gold, const Node& answer) {
  if (!budget_.spend(kStepsPerComparison)) return {Outcome::kUndecided, "too large to decide"};
  if (gold.kind == NodeKind::kLabelled || answer.kind == NodeKind::kLabelled) return same_labelled(gold, answer);
  if ((says_no_solutions(gold) && is_empty_set(answer)) || (is_empty_set(gold) && says_no_solutions(answer)) ||
      deny_the_same(gold, answer))
    return {Outcome::kEqual, "no solutions"};
  if (const auto a = figure_of(gold), b = figure_of(answer); !a.empty() || !b.empty()) {
    if (!a.empty() && !b.empty() && a != b) return {Outcome::kDifferent, "an angle and a triangle"};
    return same(!a.empty() ? gold.children[0] : gold, !b.empty() ? answer.children[0] : answer);
  }
  if (gold.kind == NodeKind::kText || answer.kind == NodeKind::kText) return same_words(gold, answer);
  if (gold.kind == NodeKind::kBased || answer.kind == NodeKind::kBased) return same_based(gold, answer);
  if (gold.kind == NodeKind::kRelation || answer.kind == NodeKind::kRelation) return same_relation(gold, answer);
  if (const auto vectors = same_vector(gold, answer)) return *vectors;
  if (has_matrix(gold) || has_matrix(answer)) return same_matrix(gold, answer);
  if (gold.kind == NodeKind::kPiecewise && answer.kind == NodeKind::kPiecewise) return same_piecewise(gold, answer);
  if (is_collection(gold) || is_collection(answer)) return same_collection(gold, answer);
  if (gold.kind == NodeKind::kMod || answer.kind == NodeKind::kMod) return same_residue(gold, answer);
  if (const auto times = same_time(gold, answer)) return *times;
  if (gold.kind == NodeKind::kRatio || answer.kind == NodeKind::kRatio) return same_ratio(gold, answer);
  return same_scalar(gold, answer);
}

// "inner radius 3" is 3 and "radius 3", but no "outer radius 3"; "ruled out: 3" is no 3.
Decision Comparison::same_labelled(const Node& gold, const Node& answer) {
  const auto label = [](const Node& n) { return n.kind == NodeKind::kLabelled ? n.text : std::string(); };
  const auto value = [](const Node& n) -> const Node& { return n.kind == NodeKind::kLabelled ? n.children[0] : n; };
  if (!labels_agree(label(gold), label(answer))) return {Outcome::kDifferent, "other words in front"};
  return same(value(gold), value(answer));
}

Decision Comparison::same_words(const Node& gold, const Node& answer) {
  const auto a = spelled(gold), b = spelled(answer);
  if (!a || !b) return {Outcome::kDifferent, "words and no words"};
  // "no solutions" and "no solution" say the same, and so do "a line" and "line".
  const auto letters = [](std::string text) {
    for (const std::string_view article : {"a ", "an ", "the ", "on "})
      if (lower_case(text).starts_with(article) && text.size() >= article.size() + 3) text.erase(0, article.size());
    std::string result;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(' ', begin), text.size());
      std::string word = word_form(text.substr(begin, end - begin));
      if (word.ends_with("s") && is_noun(word) && end == text.size()) word.pop_back();
      result += word;
      begin = end + 1;
    }
    std::erase_if(result, [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; });
    return result == "dne" ? std::string("doesnotexist") : result;
  };
  return letters(*a) == letters(*b) ? Decision{Outcome::kEqual, "the same words"}
                                    : Decision{Outcome::kDifferent, "different words"};
}

// "204_5" equals itself and the bare digits "204" (compare_answers sees to those), not 54: the question asks for the
// base-5 form.
Decision Comparison::same_based(const Node& gold, const Node& answer) {
  if (gold.kind != answer.kind) {
    const Node& other = gold.kind == NodeKind::kBased ? answer : gold;
    const Node& based = gold.kind == NodeKind::kBased ? gold : answer;
    const bool digits = other.kind == NodeKind::kNumber && other.text == based.text;
    return digits ? Decision{Outcome::kEqual, "the digits of the base"}
                  : Decision{Outcome::kDifferent, "a number in a base and another one"};
  }
  const bool equal = gold.base == answer.base && gold.value == answer.value;
  return equal ? Decision{Outcome::kEqual, "the same number in the same base"}
               : Decision{Outcome::kDifferent, "different digits or bases"};
}

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

Verdict compare_answers(std::string_view gold, std::string_view answer, const CompareOptions& options) {
  if (gold.size() > kMaxExpressionBytes || answer.size() > kMaxExpressionBytes)
    return gold == answer ? Verdict{true, "the same text"} : Verdict{false, "too large to decide"};
  const std::string gold_form = normalized_text(gold);
  if (gold_form.empty()) return {false, "an empty gold answer"};
  if (gold == answer || gold_form == normalized_text(answer)) return {true, "the same text"};
  if (const auto a = choice_and_value(gold), b = choice_and_value(answer); a && b) {
    if (a->choice != b->choice) return {false, "different choices"};
    return compare_answers(a->value, b->value, options);
  }
  const std::vector<ReadAnswer> golds = readings(gold), answers = readings(answer);
  if (golds.empty() || answers.empty())
    return {false, golds.empty() ? "the gold answer is no expression, and the texts differ"
                                 : "the answer is no expression, and the texts differ"};
  std::string why;
  Budget budget;
  for (const ReadAnswer& a : golds) {
    for (const ReadAnswer& b : answers) {
      if (!allowed_together(a, b)) continue;
      if (digits_of_base(a.node, answer) || digits_of_base(b.node, gold)) return {true, "the digits of the base"};
      // Where one side alone says what is an angle, that says nothing.
      const bool both = has_figure(a.node) == has_figure(b.node);
      const Node left = both ? a.node : without_figures(a.node), right = both ? b.node : without_figures(b.node);
      const Decision decision = Comparison(options, budget).same(left, with_bound_name_of(left, right));
      if (decision.equal()) return {true, std::string(decision.why)};
      if (why.empty()) why = decision.why;
    }
  }
  return {false, why};
}

namespace {

bool names_base(std::string_view text) {
  const auto parsed = parse_answer(text, Reading{});
  return parsed && parsed->kind == NodeKind::kBased && parsed->base != 10;
}

// "(x+1)(x+2) = x^2+3x+2": every side is the gold answer.
bool says_same_throughout(const Node& gold, std::string_view answer, const CompareOptions& options) {
  if (gold.kind == NodeKind::kRelation || is_collection(gold)) return false;
  Budget budget;
  for (const ReadAnswer& read : readings(answer)) {
    const bool equations =
        read.node.kind == NodeKind::kRelation && read.node.text.find_first_not_of('=') == std::string::npos;
    const auto is_gold = [&](const Node& side) { return Comparison(options, budget).same(gold, side).equal(); };
    if (equations && std::all_of(read.node.children.begin(), read.node.children.end(), is_gold)) return true;
  }
  return false;
}

}  // namespace

Verdict grade_answer(std::string_view gold, std::string_view answer, const CompareOptions& options) {
  const Verdict verdict = compare_answers(gold, answer, options);
  if (verdict.equal && names_base(answer) && !names_base(gold))
    return {false, "a number in a base that was not asked for"};
  const bool may_say_more = answer.find('=') != std::string_view::npos ||
                            answer.find("mod") != std::string_view::npos ||
                            answer.find("equiv") != std::string_view::npos;
  if (verdict.equal || !may_say_more || std::max(gold.size(), answer.size()) > kMaxExpressionBytes) return verdict;
  Budget budget;
  const std::vector<ReadAnswer> golds = readings(gold);
  if (golds.size() != 1) return verdict;
  if (has_variables(golds[0].node))
    return says_same_throughout(golds[0].node, answer, options) ? Verdict{true, "equal on all sides"} : verdict;
  if (!asks_for_number(golds[0].node)) return verdict;
  for (const ReadAnswer& read : readings(answer)) {
    const auto value = written_value(without_figures(read.node), budget);
    if (value && Comparison(options, budget).same(golds[0].node, *value).equal())
      return {true, "the number that the answer says"};
  }
  return verdict;
}

std::string described_readings(std::string_view text) {
  std::string result;
  for (const ReadAnswer& reading : readings(text)) result += described(reading.node) + "\n";
  return result.empty() ? "no expression\n" : result;
}

}  // namespace qreason::math
