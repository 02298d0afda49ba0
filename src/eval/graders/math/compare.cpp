#include "eval/graders/math/compare.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "eval/graders/math/evaluate.h"
#include "eval/graders/math/expression.h"
#include "eval/graders/math/factor_parser.h"
#include "eval/graders/math/plus_minus.h"
#include "eval/graders/math/residues.h"
#include "eval/graders/math/text_form.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxElements = 200;
constexpr int kMaxComparisons = 100'000;
constexpr double kRelativeEpsilon = 1e-9;
constexpr double kDecimalEpsilon = 0.02;
constexpr double kErrorMargin = 16;

bool nearly_equal(std::complex<double> a, std::complex<double> b) {
  return std::abs(a - b) <= kRelativeEpsilon * std::max(std::abs(a), std::abs(b));
}

class Comparison {
 public:
  explicit Comparison(CompareOptions options) : options_(options) {}

  bool same(const Node& gold, const Node& answer) {
    if (--budget_ < 0) return false;
    if (gold.kind == NodeKind::kText || answer.kind == NodeKind::kText) return same_text(gold, answer);
    if (gold.kind == NodeKind::kBased || answer.kind == NodeKind::kBased) return same_based(gold, answer);
    if (gold.kind == NodeKind::kRelation || answer.kind == NodeKind::kRelation) return same_relation(gold, answer);
    if (gold.kind == NodeKind::kMatrix || answer.kind == NodeKind::kMatrix)
      return same_ordered(gold, answer, NodeKind::kMatrix);
    if (is_collection(gold) || is_collection(answer)) return same_collection(gold, answer);
    return same_scalar(gold, answer);
  }

 private:
  static bool is_collection(const Node& n) {
    return n.kind == NodeKind::kTuple || n.kind == NodeKind::kSet || n.kind == NodeKind::kList ||
           n.kind == NodeKind::kUnion;
  }

  static bool same_text(const Node& gold, const Node& answer) {
    const auto lower = [](const std::string& text) {
      std::string result;
      for (const char c : text)
        if (!std::isspace(static_cast<unsigned char>(c)))
          result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      return result;
    };
    return gold.kind == answer.kind && lower(gold.text) == lower(answer.text);
  }

  // "204_5" equals itself and the bare digits "204", not 54: the question asks for the base-5 form.
  static bool same_based(const Node& gold, const Node& answer) {
    if (gold.kind == answer.kind) {
      if (gold.value && answer.value) return gold.base == answer.base && gold.value == answer.value;
      return gold.base == answer.base && gold.text == answer.text;
    }
    const Node& other = gold.kind == NodeKind::kBased ? answer : gold;
    return other.kind == NodeKind::kNumber && other.text == (gold.kind == NodeKind::kBased ? gold : answer).text;
  }

  static const Node* percent_of(const Node& n) { return n.kind == NodeKind::kPercent ? &n.children[0] : nullptr; }

  bool same_scalar(const Node& gold, const Node& answer) {
    const Node* gold_percent = percent_of(gold);
    const Node* answer_percent = percent_of(answer);
    if (gold_percent != nullptr && answer_percent == nullptr)
      return same_value(gold, answer) || same_value(*gold_percent, answer);
    if (answer_percent != nullptr && gold_percent == nullptr)
      return same_value(gold, answer) || same_value(gold, *answer_percent);
    return same_value(gold, answer);
  }

  // "4:30": no ratio, since 4:30 and 2:15 are different times. Two digits after the colon, below 60.
  static bool is_clock_time(const Node& n) {
    if (n.kind != NodeKind::kRatio || n.children.size() != 2) return false;
    const Node& minutes = n.children[1];
    return is_integer_node(n.children[0]) && n.children[0].text.size() <= 2 && is_integer_node(minutes) &&
           minutes.text.size() == 2 && minutes.text[0] < '6';
  }

  bool same_value(const Node& gold, const Node& answer) {
    if (is_clock_time(gold) && is_clock_time(answer))
      return exact_value(gold.children[0]) == exact_value(answer.children[0]) &&
             gold.children[1].text == answer.children[1].text;
    const auto exact_gold = exact_value(gold);
    const auto exact_answer = exact_value(answer);
    if (exact_gold && exact_answer && *exact_gold == *exact_answer) return true;
    const bool decimals = has_decimals(gold) || has_decimals(answer);
    if (exact_gold && exact_answer && !decimals) return false;
    if (!exact_gold || !exact_answer) {
      const auto gold_residues = residues_of(gold), answer_residues = residues_of(answer);
      if (gold_residues && answer_residues && *gold_residues == *answer_residues) return true;
      if (gold_residues && answer_residues && !decimals) return false;
    }
    // Decimals of more digits than 128 bits hold are the same digits or not at all.
    if ((gold.kind == NodeKind::kNumber && !exact_gold) || (answer.kind == NodeKind::kNumber && !exact_answer))
      return false;
    const auto gold_values = sampled_values(gold);
    const auto answer_values = sampled_values(answer);
    if (!gold_values || !answer_values) return false;
    const bool variables = has_variables(gold) || has_variables(answer);
    for (std::size_t i = 0; i < kSamplePoints; ++i) {
      const std::complex<double> a = (*gold_values)[i], b = (*answer_values)[i];
      if (nearly_equal(a, b) || (decimals && !variables && equal_rounded(a, b))) continue;
      // Where terms cancel a value has few digits, or none.
      if (std::abs(a - b) > 1e-9 ||
          std::abs(a - b) > kErrorMargin * (rounding_error(gold, i) + rounding_error(answer, i)))
        return false;
    }
    return !variables || same_far_out(gold, answer);
  }

  static bool same_far_out(const Node& gold, const Node& answer) {
    for (std::size_t i = 0; i < kFarPoints; ++i) {
      const auto a = value_far_out(gold, i), b = value_far_out(answer, i);
      if (!a || !b || nearly_equal(*a, *b)) continue;
      const double error = rounding_error(gold, kSamplePoints + i) + rounding_error(answer, kSamplePoints + i);
      if (std::abs(*a - *b) > kErrorMargin * error) return false;
    }
    return true;
  }

  // To so many decimals (the study's rule), but numbers near zero must also be of one size.
  bool equal_rounded(std::complex<double> a, std::complex<double> b) const {
    const double scale = std::pow(10.0, options_.precision);
    const auto equal = [&](double x, double y) { return std::nearbyint(x * scale) == std::nearbyint(y * scale); };
    return equal(a.real(), b.real()) && equal(a.imag(), b.imag()) &&
           std::abs(a - b) <= kDecimalEpsilon * std::max(std::abs(a), std::abs(b));
  }

  bool same_ordered(const Node& gold, const Node& answer, NodeKind kind) {
    if (gold.kind != kind || answer.kind != kind || gold.children.size() != answer.children.size()) return false;
    for (std::size_t i = 0; i < gold.children.size(); ++i)
      if (!same(gold.children[i], answer.children[i])) return false;
    return true;
  }

  bool same_elements_in_order(const Node& gold, const Node& answer) {
    if (gold.children.size() != answer.children.size()) return false;
    for (std::size_t i = 0; i < gold.children.size(); ++i)
      if (!same(gold.children[i], answer.children[i])) return false;
    return true;
  }

  bool same_collection(const Node& gold, const Node& answer) {
    const bool gold_tuple = gold.kind == NodeKind::kTuple;
    const bool answer_tuple = answer.kind == NodeKind::kTuple;
    if (gold_tuple && answer_tuple) return gold.text == answer.text && same_elements_in_order(gold, answer);
    // "p=5,q=2;p=7,q=2" against "(5,2),(7,2)", and a set written for a tuple: element by element. An interval with a
    // square bracket is neither.
    if ((gold_tuple && gold.text != "()") || (answer_tuple && answer.text != "()")) return false;
    if (gold_tuple != answer_tuple && is_collection(gold) && is_collection(answer) && gold.kind != NodeKind::kUnion &&
        answer.kind != NodeKind::kUnion)
      return same_elements_in_order(gold, answer);
    if (gold_tuple || answer_tuple) return false;
    return same_unordered(expanded(gold), expanded(answer));
  }

  // The elements of a set, list or union; a scalar with a +- in it is its two values.
  std::vector<Node> expanded(const Node& n) {
    std::vector<Node> elements;
    const std::vector<Node> single = is_collection(n) ? std::vector<Node>() : std::vector<Node>{n};
    for (const Node& element : is_collection(n) ? n.children : single) {
      if (n.kind == NodeKind::kUnion && (element.kind == NodeKind::kSet || element.kind == NodeKind::kUnion)) {
        for (Node& inner : expanded(element)) add_unique(elements, std::move(inner));
      } else {
        add_unique(elements, element);
      }
    }
    return elements;
  }

  void add_unique(std::vector<Node>& elements, Node element) {
    if (elements.size() >= kMaxElements) return;
    for (const Node& other : elements)
      if (same(other, element)) return;
    elements.push_back(std::move(element));
  }

  bool same_unordered(const std::vector<Node>& gold, const std::vector<Node>& answer) {
    if (gold.size() != answer.size() || gold.size() >= kMaxElements) return false;
    std::vector<bool> used(answer.size(), false);
    in_list_ += gold.size() > 1 ? 1 : 0;
    bool all = true;
    for (const Node& element : gold) {
      std::size_t match = 0;
      while (match < answer.size() && (used[match] || !same(element, answer[match]))) ++match;
      if (match == answer.size()) {
        all = false;
        break;
      }
      used[match] = true;
    }
    in_list_ -= gold.size() > 1 ? 1 : 0;
    return all;
  }

  // ---- equations and inequalities ----

  // A name for a value: x, a_3, f(x), AB, |AB|, A:B, \frac{NO}{BO}, (p, q). No sums, no numbers.
  static bool is_name(const Node& n) {
    switch (n.kind) {
      case NodeKind::kSymbol:
      case NodeKind::kConstant:
      case NodeKind::kText:
        return true;
      case NodeKind::kProduct:
      case NodeKind::kQuotient:
      case NodeKind::kRatio:
      case NodeKind::kTuple:
        return std::all_of(n.children.begin(), n.children.end(), is_name_or_argument) &&
               std::any_of(n.children.begin(), n.children.end(), is_name);
      case NodeKind::kCall:
        return n.text == "abs" && is_name(n.children[0]);
      default:
        return false;
    }
  }
  static bool is_name_or_argument(const Node& n) { return is_name(n) || n.kind == NodeKind::kNumber; }

  static bool all_signs(const Node& n, std::string_view allowed) {
    return n.text.find_first_not_of(allowed) == std::string::npos;
  }

  // "x = 1 + 1 = 2" names its last side, "x = 1/3 \approx 0.33" the one before the approximation; "x \in S" names S.
  static const Node* named_value(const Node& n) {
    if (n.kind != NodeKind::kRelation) return &n;
    if (n.text == "e") return &n.children[1];
    if (all_signs(n, "a") && !is_name(n.children[0])) return &n.children[0];
    if (!all_signs(n, "=a")) return nullptr;
    std::size_t last = n.text.size();
    while (last > 1 && n.text[last - 1] == 'a') --last;
    const Node& value = n.children[last];
    if (is_name(n.children[0]) || !has_variables(n)) return &value;
    // "1 = x = 0": some side before the last is a name.
    for (std::size_t i = 0; i < last; ++i)
      if (n.text.size() > 1 && is_name(n.children[i])) return &value;
    return nullptr;
  }

  bool same_relation(const Node& gold, const Node& answer) {
    const bool both = gold.kind == NodeKind::kRelation && answer.kind == NodeKind::kRelation;
    if (both && same_two_relations(gold, answer)) return true;
    const Node* gold_value = named_value(gold);
    const Node* answer_value = named_value(answer);
    if (gold_value != nullptr && answer_value != nullptr && gold_value->kind != NodeKind::kRelation &&
        answer_value->kind != NodeKind::kRelation) {
      if (both && in_list_ > 0 && !same_value(gold.children[0], answer.children[0])) return false;
      return same(*gold_value, *answer_value);
    }
    const auto gold_interval = as_interval(gold);
    const auto answer_interval = as_interval(answer);
    const bool one_interval =
        !both || gold.text.size() != answer.text.size() || (gold.text == "e") != (answer.text == "e");
    return gold_interval && answer_interval && one_interval && same(*gold_interval, *answer_interval);
  }

  // "-2 <= x < 7" as [-2, 7); anything else that is not a relation as itself.
  static std::optional<Node> as_interval(const Node& n) {
    if (n.kind != NodeKind::kRelation) return n;
    if (n.text == "e") return n.children[1];
    if (n.text.size() == 1 && is_name(n.children[0])) return half_line(n.text[0], n.children[1]);
    if (n.text.size() != 2 || !is_name(n.children[1])) return std::nullopt;
    const bool rising = all_signs(n, "<l");
    if (!rising && !all_signs(n, ">g")) return std::nullopt;
    Node interval{NodeKind::kTuple, "", std::nullopt, false, 10, {}};
    interval.children = {n.children[rising ? 0 : 2], n.children[rising ? 2 : 0]};
    const char low = n.text[rising ? 0 : 1];
    const char high = n.text[rising ? 1 : 0];
    interval.text += (low == 'l' || low == 'g') ? '[' : '(';
    interval.text += (high == 'l' || high == 'g') ? ']' : ')';
    return interval;
  }

  static std::optional<Node> half_line(char sign, const Node& bound) {
    Node infinity{NodeKind::kSymbol, "infty", std::nullopt, false, 10, {}};
    Node interval{NodeKind::kTuple, "", std::nullopt, false, 10, {}};
    if (sign == '>' || sign == 'g') {
      interval.text = sign == '>' ? "()" : "[)";
      interval.children = {bound, std::move(infinity)};
      return interval;
    }
    if (sign != '<' && sign != 'l') return std::nullopt;
    Node negative{NodeKind::kNegation, "", std::nullopt, false, 10, {}};
    negative.children.push_back(std::move(infinity));
    interval.text = sign == '<' ? "()" : "(]";
    interval.children = {std::move(negative), bound};
    return interval;
  }

  bool same_two_relations(const Node& gold, const Node& answer) {
    if (gold.text.size() != answer.text.size()) return false;
    if (gold.text.size() > 1) {
      return gold.text == answer.text && same_elements_in_order(gold, answer);
    }
    char gold_sign = gold.text[0];
    char answer_sign = answer.text[0];
    const auto gold_difference = difference(gold, gold_sign);
    const auto answer_difference = difference(answer, answer_sign);
    if (gold_sign != answer_sign || !gold_difference || !answer_difference) return false;
    return proportional(*gold_difference, *answer_difference, gold_sign == '<' || gold_sign == 'l');
  }

  // right - left, with > and >= turned into < and <= by exchanging the sides.
  static std::optional<SampleValues> difference(const Node& relation, char& sign) {
    const auto left = sampled_values(relation.children[0]);
    const auto right = sampled_values(relation.children[1]);
    if (!left || !right) return std::nullopt;
    const bool swap = sign == '>' || sign == 'g';
    if (swap) sign = sign == '>' ? '<' : 'l';
    SampleValues result;
    for (std::size_t i = 0; i < kSamplePoints; ++i)
      result[i] = swap ? (*left)[i] - (*right)[i] : (*right)[i] - (*left)[i];
    return result;
  }

  static bool proportional(const SampleValues& a, const SampleValues& b, bool positive) {
    for (const auto& value : b)
      if (std::abs(value) < 1e-12) return false;
    const std::complex<double> ratio = a[0] / b[0];
    if (positive && !(ratio.real() > 0 && std::abs(ratio.imag()) < kRelativeEpsilon)) return false;
    if (std::abs(ratio) < 1e-12) return false;
    for (std::size_t i = 1; i < kSamplePoints; ++i)
      if (!nearly_equal(a[i] / b[i], ratio)) return false;
    return true;
  }

  CompareOptions options_;
  int in_list_ = 0;
  int budget_ = kMaxComparisons;  // nested collections of hundreds of elements are no answers
};

std::vector<Node> readings(std::string_view text) {
  std::vector<Node> result;
  const auto add = [&](CommaReading reading) {
    if (auto parsed = parse_answer(text, reading)) result.push_back(expand_plus_minus(*std::move(parsed)));
  };
  add(CommaReading::kGroups);
  if (has_digit_comma(text)) {
    add(CommaReading::kList);
    const bool one_comma = std::count(text.begin(), text.end(), ',') == 1;
    const bool plain = text.find_first_not_of("0123456789,-$ .") == std::string_view::npos;
    if (one_comma && plain) add(CommaReading::kDecimal);
  }
  return result;
}

}  // namespace

bool same_answer(std::string_view gold, std::string_view answer, const CompareOptions& options) {
  if (normalized_text(gold).empty()) return false;
  const std::vector<Node> gold_readings = readings(gold);
  const std::vector<Node> answer_readings = readings(answer);
  for (const Node& gold_reading : gold_readings)
    for (const Node& answer_reading : answer_readings)
      if (Comparison(options).same(gold_reading, answer_reading)) return true;
  // What values do not decide: words, functions without values, what does not parse.
  return same_text_form(gold, answer);
}

}  // namespace qreason::math
