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
