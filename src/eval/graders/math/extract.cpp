#include "eval/graders/math/extract.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

#include "eval/graders/last_of.h"
#include "eval/graders/math/anchors.h"
#include "eval/graders/math/corrections.h"
#include "eval/graders/math/expression.h"
#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/standing.h"
#include "eval/graders/math/unicode_signs.h"
#include "eval/graders/math/words.h"
#include "eval/graders/thinking.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxWhole = 120;  // a text this short may be an expression as a whole
constexpr std::size_t kTail =
    200'000;  // bytes at the end of a text in which anchors, formulas and numbers are looked for

// An expression as a whole: no words in it besides "and" and "or".
bool is_expression(std::string_view text) {
  if (has_words(text)) return false;
  const auto parsed = parse_answer(text, Reading{});
  return parsed && parsed->kind != NodeKind::kText;
}

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return text.ends_with(end); });
}
bool begins_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(), [&](std::string_view start) { return text.starts_with(start); });
}

// What stands in front of "answer:" and takes it back.
bool is_doubted(std::string_view before) {
  constexpr std::size_t kLongest = 10;  // bytes
  return ends_with_any(lower_case(before.substr(before.size() - std::min(before.size(), kLongest))),
                       {"wrong ", "incorrect ", "false "});
}

// Of a sentence in lower case that begins with what an anchor announces: bounds instead of a value.
bool announces_no_value(std::string_view sentence) {
  sentence = trimmed(sentence);
  return begins_with_any(sentence, {"n't ", "n\u2019t ", "not ", "less than", "more than", "fewer than", "greater than",
                                    "at least", "at most", "no more than", "no less than"}) ||
         sentence.find(" or more") != std::string_view::npos || sentence.find(" or less") != std::string_view::npos ||
         sentence.find(" or fewer") != std::string_view::npos || sentence.find(" or greater") != std::string_view::npos;
}

// The first sentence, without the signs that end and emphasize it.
std::string_view first_sentence(std::string_view text) {
  text = trimmed(text);
  std::size_t end = 0;
  while (end < text.size() && text[end] != '\n' && text[end] != '?' && text[end] != ';' &&
         !(text[end] == '.' && (end + 1 == text.size() || is_blank(text[end + 1]))))
    ++end;
  text = text.substr(0, end);
  while (!text.empty() && text.back() == '*') text.remove_suffix(1);
  return trimmed(text);
}

// "x = 2 or x = -2", "7 and 8": several values in plain letters, which are the answer as a whole.
std::optional<Extraction> several_values(std::string_view sentence) {
  if (sentence.starts_with("either ")) sentence.remove_prefix(7);
  const bool several = sentence.find(" or ") != std::string_view::npos ||
                       sentence.find(" and ") != std::string_view::npos ||
                       sentence.find(", ") != std::string_view::npos;
  if (!several || sentence.size() > kMaxWhole || sentence.find_first_of("$\\") != std::string_view::npos ||
      !is_expression(sentence))
    return std::nullopt;
  return Extraction{std::string(sentence), FoundBy::kAnchor};
}

// "twelve", "twenty-one apples", "a half, since": a number in words with at most two words behind it.
std::optional<Extraction> value_in_words(std::string_view sentence) {
  while (!sentence.empty() && (is_blank(sentence[0]) || sentence[0] == ':' || sentence[0] == '*'))
    sentence.remove_prefix(1);
  std::size_t end = 0;
  while (end < sentence.size() && (is_letter(sentence[end]) || sentence[end] == ' ' || sentence[end] == '-')) ++end;
  const bool closed =
      end == sentence.size() || std::string_view(",.;:(!*").find(sentence[end]) != std::string_view::npos;
  const std::string_view run = trimmed(sentence.substr(0, end));
  if (!closed || run.empty() || run.size() > kMaxWhole) return std::nullopt;
  std::size_t words = run.size(), behind = 0;
  for (; words != std::string_view::npos && behind <= 2; ++behind, words = run.rfind(' ', words - 1)) {
    const std::string_view number = run.substr(0, words);
    if (!number_in_words(number) && !part_in_words(lower_case(number))) continue;
    if (behind == 0) return Extraction{std::string(run), FoundBy::kAnchor};
    const auto parsed = parse_answer(run, Reading{});
    const bool measure = parsed && (parsed->kind == NodeKind::kMeasure || parsed->kind == NodeKind::kPercent);
    return measure ? std::optional(Extraction{std::string(run), FoundBy::kAnchor}) : std::nullopt;
  }
  return std::nullopt;
}

// "-1,234.5", "1 1/2", "12 %", "1.5e-3"; not "42-1", "42e".
bool is_number(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || text.find_first_not_of("0123456789.,-/% e") != std::string_view::npos) return false;
  const std::size_t minus = text.rfind('-');
  const bool sign = minus == std::string_view::npos || minus == 0 || text[minus - 1] == 'e';
  return sign && text.back() != 'e';
}

// "5^2 = 25", "6 sqrt(2) metres", "x^2 + 1": the longest beginning of a sentence in plain letters that is an
// expression, with a digit in it unless it is the whole. Not a number alone, nor a list.
std::optional<Extraction> expression_first(std::string_view sentence) {
  constexpr int kMostTries = 8;
  if (sentence.size() > kMaxWhole || sentence.find_first_of("$\\*#") != std::string_view::npos) return std::nullopt;
  const auto parsed = [](std::string_view text) -> std::optional<Node> {
    std::string latex = in_latex(text) + " ";
    for (std::size_t at = latex.find("sqrt("); at != std::string::npos; at = latex.find("sqrt(", at + 6))
      latex.insert(at, 1, '\\');
    return has_words(latex) ? std::nullopt : parse_answer(text, Reading{});
  };
  std::string_view part = sentence;
  for (int tries = 0; tries < kMostTries && !part.empty(); ++tries) {
    const bool whole = part.size() == sentence.size();
    const bool digit = std::any_of(part.begin(), part.end(), is_digit);
    if (is_number(part)) return std::nullopt;
    if (!whole && ends_with_any(part, {" and", " or", " in", " to", " by", " at", " as", " on", " is", " if", " so"})) {
      part = trimmed(part.substr(0, part.rfind(' ')));
      continue;
    }
    if (const auto node = whole || digit ? parsed(part) : std::nullopt;
        node && node->kind != NodeKind::kList && node->kind != NodeKind::kText)
      return Extraction{std::string(part), FoundBy::kAnchor, 0, part.size()};
    const std::size_t blank = part.rfind(' ');
    part = trimmed(part.substr(0, blank == std::string_view::npos ? 0 : blank));
    while (!part.empty() && (part.back() == ',' || part.back() == '.')) part.remove_suffix(1);
  }
  return std::nullopt;
}

// "yes", "even": words that are answers.
std::optional<Extraction> known_words(std::string_view sentence) {
  constexpr std::size_t kMostBytes = 40;
  if (sentence.empty() || sentence.size() > kMostBytes) return std::nullopt;
  for (std::size_t begin = 0; begin < sentence.size();) {
    const std::size_t end = std::min(sentence.find(' ', begin), sentence.size());
    if (!is_known_word(sentence.substr(begin, end - begin))) return std::nullopt;
    begin = end + 1;
  }
  return Extraction{std::string(sentence), FoundBy::kAnchor};
}

// The last value of a text that the text says: of "8 (not 7)" the 8. nullopt: no value; nothing found: none is said.
std::optional<Extraction> last_said_value(std::string_view text, Place place) {
  constexpr int kMostContrasts = 4;
  for (int i = 0; i < kMostContrasts; ++i) {
    auto value = last_value(text);
    if (!value) return i == 0 ? std::nullopt : std::optional(Extraction{});
    const Judged judged = standing_of(text.substr(0, value->begin), text.substr(value->end), place);
    if (judged.standing == Standing::kStands) return value;
    if (judged.standing == Standing::kChanged) return Extraction{};
    text = text.substr(0, judged.kept);
  }
  return Extraction{};
}

// "5 to 3": the ratio that begins with a value.
std::optional<Extraction> ratio_of(const Extraction& value, std::string_view behind) {
  constexpr std::string_view kTo = " to ";
  const bool whole = value.answer.find_first_not_of("0123456789") == std::string::npos;
  if (!whole || !behind.starts_with(kTo)) return std::nullopt;
  std::size_t end = kTo.size();
  while (end < behind.size() && is_digit(behind[end])) ++end;
  if (end == kTo.size() || begins_with_any(behind.substr(end), {" decimal", " significant", " place"}))
    return std::nullopt;
  return Extraction{value.answer + std::string(behind.substr(0, end)), FoundBy::kAnchor};
}

// The value of what directly follows an anchor: all of it or none, never a part. "minus 42" is -42.
std::optional<Extraction> announced_first(std::string_view rest, std::string_view sentence, Place place) {
  for (const std::string_view minus : {"minus ", "negative "}) {
    const std::string_view number = sentence.substr(std::min(minus.size(), sentence.size()));
    if (lower_case(sentence.substr(0, minus.size())) != minus || !begins_digit(number)) continue;
    auto value = announced_first(number, first_sentence(number), place);
    if (value && value->found_by == FoundBy::kAnchor) value->answer.insert(0, 1, '-');
    return value;
  }
  const auto start = static_cast<std::size_t>(sentence.data() - rest.data());
  auto value = expression_first(sentence);
  if (value) {
    value->begin += start;
    value->end += start;
  } else {
    value = first_value(rest);
  }
  if (!value) return std::nullopt;
  for (const std::size_t end : {value->end, start + sentence.size()})
    if (const auto corrected = correction(rest.substr(end))) return last_said_value(*corrected, Place::kAnnounced);
  const std::string_view behind = rest.substr(value->end);
  if (is_taken_back(behind)) return Extraction{};
  if (auto ratio = ratio_of(*value, behind)) return ratio;
  const Judged judged = standing_of(rest.substr(0, value->begin), behind, place);
  return judged.standing == Standing::kStands ? value : Extraction{};
}

// The sentence behind the last anchor; stronger anchors first. Nothing found where the sentence tells no value.
std::optional<Extraction> from_anchors(std::string_view text) {
  const auto places = last_anchors(text);
  for (std::size_t i = 0; i < kAnchors.size(); ++i) {
    const std::string_view anchor = kAnchors[i];
    const std::size_t at = places[i];
    if (at == std::string::npos) continue;
    std::string_view rest = text.substr(at + anchor.size());
    const std::size_t paragraph = rest.find(
        "\n\n", rest.find_first_not_of(" \n\t:*") == std::string_view::npos ? 0 : rest.find_first_not_of(" \n\t:*"));
    rest = rest.substr(0, paragraph);
    const bool direct = anchor != "final answer:" && anchor != "answer:";
    const std::string_view sentence = first_sentence(rest);
    const bool asked = sentence.data() + sentence.size() < text.data() + text.size() && sentence.end()[0] == '?';
    if (asked) continue;
    const std::string_view before = text.substr(0, at);
    const bool another =
        anchor.find("answer is") == std::string_view::npos ? is_doubted(before) : speaks_of_another(before);
    if (another || announces_no_value(lower_case(sentence))) return Extraction{};
    if (auto values = several_values(sentence)) return values;
    if (auto value = value_in_words(sentence)) return value;
    // "Réponse: Janeth paiera encore 220 $."
    const bool sentence_follows = anchor.ends_with(':') && !anchor.starts_with("answer is");
    const Place place = sentence_follows ? Place::kSentence : Place::kAnnounced;
    // "Final Answer: The largest n among 3 is 34": the value is what the sentence ends with.
    if (auto value = direct ? announced_first(rest, sentence, place) : last_said_value(rest, Place::kSentence)) {
      if (value->found_by != FoundBy::kNothing) value->found_by = FoundBy::kAnchor;
      return value;
    }
    if (auto words = known_words(sentence)) return words;
  }
  return std::nullopt;
}

}  // namespace

// One pass with a stack of open braces: a degenerate text may hold thousands of boxes that never close.
namespace {

// "The final answer is $X$. I hope it is correct.", behind all boxes: the form that few-shot prompts ask for.
std::optional<Extraction> from_closing_sentence(std::string_view text) {
  constexpr std::string_view kStart = "final answer is", kEnd = "I hope it is correct";
  const std::string_view tail = text.substr(text.size() - std::min(text.size(), kEnd.size() + 4));
  const std::size_t in_tail = tail.rfind(kEnd);
  if (in_tail == std::string_view::npos) return std::nullopt;
  const std::size_t end = text.size() - tail.size() + in_tail;
  const std::size_t start = last_of(text.substr(0, end), kStart);
  if (start == std::string_view::npos) return std::nullopt;
  const std::string_view sentence = text.substr(start + kStart.size(), end - start - kStart.size());
  if (sentence.size() > 200 || sentence.find("\\boxed") != std::string_view::npos) return std::nullopt;
  auto value = first_value(sentence);
  if (value) value->found_by = FoundBy::kAnchor;
  return value;
}

}  // namespace

Extraction extract_answer(std::string_view text) {
  std::string_view rest = trimmed(after_thinking(text));
  if (auto closing = from_closing_sentence(rest)) return *closing;
  if (auto boxed = from_boxes(rest)) return *boxed;
  if (rest.size() > kTail) rest.remove_prefix(rest.size() - kTail);
  std::string plain;
  if (rest.find("\xEF\xBC") != std::string_view::npos) rest = plain = in_latex(rest);  // full-width digits
  if (auto anchored = from_anchors(rest)) return *anchored;
  if (rest.size() <= kMaxWhole && is_expression(rest)) return {std::string(rest), FoundBy::kWhole};
  if (auto value = last_said_value(rest, Place::kInPassing)) return *value;
  if (auto value = value_in_words(first_sentence(rest))) return *value;
  return {};
}

}  // namespace qreason::math
