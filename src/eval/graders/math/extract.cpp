#include "eval/graders/math/extract.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "eval/graders/math/expression.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxJoin = 60;  // bytes between two boxes that are one answer
constexpr std::size_t kMaxJoinWords = 4;
constexpr std::size_t kMaxJoinedBoxes = 100;
constexpr std::size_t kMaxWhole = 120;  // a text this short may be an expression as a whole

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}
bool is_blank(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The index after the brace that closes the one at `open`; npos when none does.
std::size_t closing_brace(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '{')
      ++depth;
    else if (text[i] == '}' && --depth == 0)
      return i + 1;
  }
  return std::string_view::npos;
}

// Whether what stands between two boxes makes them one answer: a few words with a connective, no sentence end.
bool joins(std::string_view between) {
  if (between.size() > kMaxJoin) return false;
  bool connective = between.find(',') != std::string_view::npos || between.find(';') != std::string_view::npos;
  bool any = false;
  std::size_t words = 0;
  for (std::size_t i = 0; i < between.size();) {
    if (between[i] == '\\') {
      ++i;
      while (i < between.size() && is_letter(between[i])) ++i;  // a command: \quad, \text
      if (i < between.size() && !is_letter(between[i - 1])) ++i;
      continue;
    }
    if (!is_letter(between[i])) {
      any = any || !(is_blank(between[i]) || between[i] == '$');
      if (between[i] == '.' || between[i] == '#' || between[i] == '*') return false;
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < between.size() && is_letter(between[end])) ++end;
    const std::string_view word = between.substr(i, end - i);
    connective = connective || word == "and" || word == "or";
    ++words;
    i = end;
  }
  if (words > kMaxJoinWords) return false;
  return connective || (words == 0 && !any && between.find('\n') == std::string_view::npos);
}

std::optional<Extraction> from_boxes(std::string_view text) {
  const std::vector<Box> boxes = find_boxes(text);
  if (boxes.empty()) return std::nullopt;
  std::size_t first = boxes.size() - 1;
  while (first > 0 && boxes.size() - first < kMaxJoinedBoxes &&
         joins(text.substr(boxes[first - 1].end, boxes[first].begin - boxes[first - 1].end)))
    --first;
  std::vector<std::string_view> contents;
  for (std::size_t i = first; i < boxes.size(); ++i) {
    const std::string_view content = trimmed(boxes[i].content);
    if (std::find(contents.begin(), contents.end(), content) == contents.end()) contents.push_back(content);
  }
  std::string answer;
  for (const std::string_view content : contents) answer.append(answer.empty() ? "" : ", ").append(content);
  // The unit or percent sign right behind the box belongs to it.
  const std::string_view rest = text.substr(boxes.back().end);
  for (const std::string_view percent : {"$ pct", "$ percent", "\\%", "%", "$ %", " percent"})
    if (rest.starts_with(percent)) {
      answer += "\\%";
      break;
    }
  return Extraction{answer, FoundBy::kBox};
}

// ---- formulas and numbers in running text ----

struct Found {
  std::size_t begin = std::string_view::npos;
  std::size_t end = 0;
  std::string text;
};

struct Delimiters {
  std::string_view open, close;
};
constexpr std::array<Delimiters, 3> kFormulas = {{{"\\[", "\\]"}, {"\\(", "\\)"}, {"$$", "$$"}}};

bool escaped(std::string_view text, std::size_t at) {
  std::size_t slashes = 0;
  while (slashes < at && text[at - 1 - slashes] == '\\') ++slashes;
  return slashes % 2 == 1;
}

// Words of a sentence: runs of three letters or more that are neither a command nor "and" or "or"; other scripts.
bool has_words(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) return true;
    if (!is_letter(text[i])) continue;
    const std::size_t begin = i;
    while (i < text.size() && is_letter(text[i])) ++i;
    const bool command = begin > 0 && text[begin - 1] == '\\';
    const std::string_view word = text.substr(begin, i - begin);
    if (command && i < text.size() && text[i] == '{' && (word.starts_with("text") || word == "mbox")) {
      i = std::min(closing_brace(text, i), text.size());  // a unit
    } else if (!command && word.size() > 2 && word != "and") {
      return true;
    }
  }
  return false;
}

// All $...$ on one line, $$...$$, \(...\) and \[...\], in order of their ends.
std::vector<Found> find_formulas(std::string_view text) {
  std::vector<Found> found;
  std::array<bool, kFormulas.size()> closes;  // false once nothing behind closes it: no second search to the end
  closes.fill(true);
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (std::size_t kind = 0; kind < kFormulas.size(); ++kind) {
      const Delimiters& pair = kFormulas[kind];
      if (!closes[kind] || !text.substr(i).starts_with(pair.open)) continue;
      const std::size_t close = text.find(pair.close, i + 2);
      closes[kind] = close != std::string_view::npos;
      if (!closes[kind]) continue;
      const std::string_view content = text.substr(i + 2, close - i - 2);
      const bool inline_form = pair.open == "\\(";
      if (!(inline_form && content.find('\n') != std::string_view::npos) && !trimmed(content).empty())
        found.push_back({i, close + 2, std::string(trimmed(content))});
      i = close + 1;
      break;
    }
    if (i >= text.size() || text[i] != '$' || escaped(text, i)) continue;
    std::size_t close = i + 1;
    while (close < text.size() && text[close] != '\n' && !(text[close] == '$' && !escaped(text, close))) ++close;
    if (close >= text.size() || text[close] != '$') continue;
    const std::string_view content = trimmed(text.substr(i + 1, close - i - 1));
    // "$5 more than $" is money, not a formula.
    const bool money = !content.empty() && is_digit(content[0]) && has_words(content);
    if (content.empty() || money) continue;
    found.push_back({i, close + 1, std::string(content)});
    i = close;
  }
  return found;
}

std::size_t number_end(std::string_view text, std::size_t i) {
  while (i < text.size()) {
    const bool group = (text[i] == ',' || text[i] == ' ') && i + 3 < text.size() && is_digit(text[i + 1]) &&
                       is_digit(text[i + 2]) && is_digit(text[i + 3]) &&
                       (i + 4 >= text.size() || !is_digit(text[i + 4]));
    const bool latex_group = text.substr(i).starts_with("{,}") || text.substr(i).starts_with(",\\!");
    const bool point = (text[i] == '.' || text[i] == ',') && i + 1 < text.size() && is_digit(text[i + 1]);
    if (is_digit(text[i]))
      ++i;
    else if (latex_group && i + 3 < text.size() && is_digit(text[i + 3]))
      i += 3;
    else if (group || point)
      ++i;
    else
      break;
  }
  return i;
}

// The bytes of a minus sign that ends at `at` and is none between two values; 0 where there is no such sign.
std::size_t minus_before(std::string_view text, std::size_t at) {
  for (const std::string_view sign : {"-", "\u2212"}) {
    if (!text.substr(0, at).ends_with(sign)) continue;
    const std::size_t begin = at - sign.size();
    const char left = begin > 0 ? text[begin - 1] : ' ';
    return is_digit(left) || is_letter(left) || left == ')' ? 0 : sign.size();
  }
  return 0;
}

// The end of the number [begin, end) with the fraction that belongs to it: "1/2", and "3 1/2" after a whole number.
std::size_t fraction_end(std::string_view text, std::size_t begin, std::size_t end) {
  const auto digit_at = [&](std::size_t i) { return i < text.size() && is_digit(text[i]); };
  if (text.substr(end).starts_with("/") && digit_at(end + 1)) return number_end(text, end + 1);
  const std::string_view number = text.substr(begin, end - begin);
  if (!text.substr(end).starts_with(" ") || !std::all_of(number.begin(), number.end(), is_digit)) return end;
  std::size_t slash = end + 1;
  while (digit_at(slash)) ++slash;
  if (slash == end + 1 || !text.substr(slash).starts_with("/") || !digit_at(slash + 1)) return end;
  return number_end(text, slash + 1);
}

// "1.5e3": the end of the exponent that begins at `at`; `at` where there is none.
std::size_t exponent_end(std::string_view text, std::size_t at) {
  if (at >= text.size() || (text[at] != 'e' && text[at] != 'E')) return at;
  std::size_t end = at + 1;
  if (end < text.size() && (text[end] == '-' || text[end] == '+')) ++end;
  const std::size_t digits = end;
  while (end < text.size() && is_digit(text[end])) ++end;
  const bool word = end < text.size() && is_letter(text[end]);
  return end == digits || word ? at : end;
}

// Numbers with sign, groups, point, exponent, a fraction behind and a percent sign; not digits inside a word.
std::vector<Found> find_numbers(std::string_view text) {
  std::vector<Found> found;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts = is_digit(text[i]) || (text[i] == '.' && i + 1 < text.size() && is_digit(text[i + 1]));
    if (!starts) continue;
    if (i > 0 && (is_letter(text[i - 1]) || text[i - 1] == '_')) {
      while (i < text.size() && (is_digit(text[i]) || is_letter(text[i]))) ++i;
      continue;
    }
    std::size_t begin = i;
    std::size_t before = i;
    while (before > 0 && text[before - 1] == '$') --before;
    const std::size_t minus = minus_before(text, before);
    std::size_t end = fraction_end(text, begin, number_end(text, i));
    std::string answer = (minus > 0 ? "-" : "") + std::string(text.substr(begin, end - begin));
    if (const std::size_t exponent = exponent_end(text, end); exponent > end) {
      answer += " \\cdot 10^{" + std::string(text.substr(end + 1, exponent - end - 1)) + "}";
      end = exponent;
    }
    std::size_t look = end;
    while (look < text.size() && (text[look] == ' ' || text[look] == '\\' || text[look] == '$')) ++look;
    if (text.substr(look).starts_with("%") || text.substr(look).starts_with("percent") ||
        text.substr(look).starts_with("pct"))
      answer += "\\%";
    found.push_back({minus > 0 ? before - minus : begin, end, answer});
    i = end - 1;
  }
  return found;
}

std::optional<Extraction> last_value(std::string_view text) {
  const auto formulas = find_formulas(text);
  const auto numbers = find_numbers(text);
  if (formulas.empty() && numbers.empty()) return std::nullopt;
  if (numbers.empty() || (!formulas.empty() && formulas.back().end >= numbers.back().end)) {
    std::string answer = formulas.back().text;
    std::string_view rest = text.substr(formulas.back().end);
    while (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);
    if (rest.starts_with("%") || rest.starts_with("percent") || rest.starts_with("pct")) answer += "\\%";
    return Extraction{answer, FoundBy::kFormula};
  }
  return Extraction{numbers.back().text, FoundBy::kNumber};
}

std::optional<Extraction> first_value(std::string_view text) {
  const auto formulas = find_formulas(text);
  const auto numbers = find_numbers(text);
  if (formulas.empty() && numbers.empty()) return std::nullopt;
  // "$12 $ and $13 $" is one answer of two formulas.
  if (!formulas.empty() && (numbers.empty() || formulas[0].begin <= numbers[0].begin + 1)) {
    std::string answer = formulas[0].text;
    for (std::size_t i = 1;
         i < formulas.size() && joins(text.substr(formulas[i - 1].end, formulas[i].begin - formulas[i - 1].end)); ++i)
      answer += ", " + formulas[i].text;
    return Extraction{answer, FoundBy::kAnchor};
  }
  return Extraction{numbers[0].text, FoundBy::kAnchor};
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// The sentence behind the last anchor; stronger anchors first.
std::optional<Extraction> from_anchors(std::string_view text) {
  static constexpr std::array<std::string_view, 7> kAnchors = {
      "final answer is", "final answer:", "####", "answer is:", "answer is", "answer:", "答案"};
  const std::string lower = lower_case(text);
  for (const std::string_view anchor : kAnchors) {
    const std::size_t at = lower.rfind(anchor);
    if (at == std::string::npos) continue;
    std::string_view rest = text.substr(at + anchor.size());
    const std::size_t paragraph = rest.find(
        "\n\n", rest.find_first_not_of(" \n\t:*") == std::string_view::npos ? 0 : rest.find_first_not_of(" \n\t:*"));
    rest = rest.substr(0, paragraph);
    const bool direct = anchor != "final answer:" && anchor != "answer:";
    // "Final Answer: The largest n among 3 is 34": the value is what the sentence ends with.
    if (auto value = direct ? first_value(rest) : last_value(rest)) {
      value->found_by = FoundBy::kAnchor;
      return value;
    }
  }
  return std::nullopt;
}

// An expression as a whole: no words in it besides "and" and "or".
bool is_expression(std::string_view text) {
  if (has_words(text)) return false;
  const auto parsed = parse_answer(text, CommaReading::kGroups);
  return parsed && parsed->kind != NodeKind::kText;
}

// The index of what follows the name of a \boxed or \fbox at `at`: its brace, or the first character of its word;
// npos when there is no such command.
std::size_t box_argument(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  const std::size_t name = rest.starts_with("\\boxed") ? 6 : rest.starts_with("\\fbox") ? 5 : 0;
  if (name == 0) return std::string_view::npos;
  std::size_t argument = at + name;
  while (argument < text.size() && text[argument] == ' ') ++argument;
  if (argument >= text.size() || is_blank(text[argument]) || text[argument] == '$') return std::string_view::npos;
  const bool word = text[argument] != '{' && argument == at + name;  // "\boxedx" is another command
  return word ? std::string_view::npos : argument;
}

}  // namespace

std::string_view after_thinking(std::string_view text) {
  constexpr std::string_view kEnd = "</think>";
  const std::size_t at = text.rfind(kEnd);
  return at == std::string_view::npos ? text : text.substr(at + kEnd.size());
}

// One pass with a stack of open braces: a degenerate text may hold thousands of boxes that never close.
std::vector<Box> find_boxes(std::string_view text) {
  std::vector<Box> boxes;
  struct Open {
    std::size_t box;  // where its command begins; npos for a plain brace
    std::size_t content;
  };
  std::vector<Open> open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      const std::size_t argument = box_argument(text, i);
      if (argument == std::string_view::npos) {
        ++i;  // an escaped character
      } else if (text[argument] == '{') {
        open.push_back({i, argument + 1});
        i = argument;
      } else {
        // "\boxed 5": one word.
        std::size_t end = argument;
        while (end < text.size() && !is_blank(text[end]) && text[end] != '$') ++end;
        boxes.push_back({i, end, text.substr(argument, end - argument)});
        i = end - 1;
      }
    } else if (text[i] == '{') {
      open.push_back({std::string_view::npos, i + 1});
    } else if (text[i] == '}' && !open.empty()) {
      const Open closed = open.back();
      open.pop_back();
      if (closed.box == std::string_view::npos) continue;
      while (!boxes.empty() && boxes.back().begin > closed.box) boxes.pop_back();  // inside of this one
      boxes.push_back({closed.box, i + 1, text.substr(closed.content, i - closed.content)});
    }
  }
  return boxes;
}

Extraction extract_answer(std::string_view text) {
  const std::string_view rest = trimmed(after_thinking(text));
  if (auto boxed = from_boxes(rest)) return *boxed;
  if (auto anchored = from_anchors(rest)) return *anchored;
  if (rest.size() <= kMaxWhole && is_expression(rest)) return {std::string(rest), FoundBy::kWhole};
  if (auto value = last_value(rest)) return *value;
  return {};
}

}  // namespace qreason::math
