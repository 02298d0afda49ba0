#include <algorithm>
#include <array>
#include <cstring>

#include "eval/graders/math/extract.h"
#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

constexpr std::size_t kMaxJoin = 60;  // bytes between two boxes that are one answer
constexpr std::size_t kMaxJoinedBoxes = 100;

// What stands between two boxes without what only sets it: dollars, \(, \), spaces, \text and its braces.
std::string without_setting(std::string_view between) {
  std::string plain;
  for (std::size_t i = 0; i < between.size(); ++i) {
    const char c = between[i];
    if (c == '\\') {
      std::size_t end = i + 1;
      while (end < between.size() && is_letter(between[end])) ++end;
      const std::string_view name = between.substr(i + 1, end - i - 1);
      const bool setting = name.empty() || name == "quad" || name == "qquad" || name == "text" || name == "mbox" ||
                           name == "textbf" || name == "mathrm" || name == "left" || name == "right";
      if (!setting) plain += '!';  // a command that means something: no joint
      plain += ' ';
      i = name.empty() ? i + 1 : end - 1;
    } else {
      plain += c == '$' || c == '{' || c == '}' || c == '~' ? ' ' : c;
    }
  }
  return plain;
}

// "y_2 =", "b ="
bool is_name_of_next(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return true;
  if (text.back() != '=') return false;
  text = trimmed(text.substr(0, text.size() - 1));
  if (text.empty() || text.size() > 8 || !is_letter(text[0])) return false;
  const auto allowed = [](char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '(' || c == ')' || c == ',';
  };
  std::size_t letters = 0;
  while (letters < text.size() && is_letter(text[letters])) ++letters;
  return letters <= 3 && std::all_of(text.begin(), text.end(), allowed);
}

bool is_thing_counted(std::string_view words) {
  for (words = trimmed(words); !words.empty(); words = trimmed(words)) {
    std::size_t end = 0;
    while (end < words.size() && !is_blank(words[end])) ++end;
    const std::string_view word = words.substr(0, end);
    const bool part =
        word == "for" || word == "part" || word == "case" || (word.size() == 3 && word[0] == '(' && word[2] == ')');
    if (!part && !is_unit_word(word) && !is_noun(word)) return false;
    words.remove_prefix(end);
  }
  return true;
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

bool is_blank_box(const Box& box) {
  return trimmed(box.content).empty();
}

// "The answer is not ", "it cannot be ": what comes next is no answer.
bool is_denied(std::string_view before) {
  const std::size_t last = before.find_last_not_of(" $(*:");
  before = before.substr(0, last == std::string_view::npos ? 0 : last + 1);
  const std::string lower = lower_case(before.substr(before.size() - std::min<std::size_t>(before.size(), 40)));
  if (lower == "not" || lower == "never") return true;
  for (const std::string_view end : {" not", "n't", "n't be", "not be", "n\u2019t", "n\u2019t be", " never"})
    if (lower.ends_with(end)) return true;
  return false;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool joins(std::string_view between) {
  if (between.size() > kMaxJoin) return false;
  const std::string plain = without_setting(between);
  const std::string_view text = trimmed(plain);
  if (text.empty()) return between.find('\n') == std::string_view::npos;
  // The first connective.
  std::size_t at = text.find_first_of(",;&");
  std::size_t length = 1;
  for (const std::string_view word : {"and", "or"}) {
    for (std::size_t found = text.find(word); found != std::string_view::npos; found = text.find(word, found + 1)) {
      const bool left = found == 0 || !is_letter(text[found - 1]);
      const bool right = found + word.size() >= text.size() || !is_letter(text[found + word.size()]);
      if (!left || !right || found >= at) continue;
      at = found;
      length = word.size();
      break;
    }
  }
  if (at == std::string_view::npos || !is_thing_counted(text.substr(0, at))) return false;
  std::string_view rest = trimmed(text.substr(at + length));
  for (const std::string_view more : {"and", "or"})
    if (rest == more || rest.starts_with(std::string(more) + " ")) rest = trimmed(rest.substr(more.size()));
  return is_name_of_next(rest);
}

namespace {

// Where the run of backslashes of the first \boxed or \fbox begins; no brace in front of it closes anything behind.
std::size_t first_command(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const void* found = std::memchr(text.data() + at, '\\', text.size() - at);
    if (found == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    const std::string_view rest = text.substr(at + 1);
    if (!rest.starts_with("boxed") && !rest.starts_with("fbox")) continue;
    while (at > 0 && text[at - 1] == '\\') --at;
    return at;
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<Extraction> from_boxes(std::string_view text) {
  std::vector<Box> boxes = find_boxes(text);
  if (boxes.empty()) return std::nullopt;
  while (boxes.size() > 1 && is_blank_box(boxes.back())) boxes.pop_back();
  std::size_t first = boxes.size() - 1;
  while (first > 0 && boxes.size() - first < kMaxJoinedBoxes && !is_blank_box(boxes[first - 1]) &&
         joins(text.substr(boxes[first - 1].end, boxes[first].begin - boxes[first - 1].end)))
    --first;
  if (is_denied(text.substr(0, boxes[first].begin))) return Extraction{};
  std::vector<std::string_view> contents;
  for (std::size_t i = first; i < boxes.size(); ++i) {
    const std::string_view content = trimmed(boxes[i].content);
    if (std::find(contents.begin(), contents.end(), content) == contents.end()) contents.push_back(content);
  }
  std::string answer;
  for (const std::string_view content : contents) answer.append(answer.empty() ? "" : ", ").append(content);
  // The percent sign right behind the box belongs to it.
  const std::string_view rest = text.substr(boxes.back().end);
  for (const std::string_view percent : {"$ pct", "$ percent", "\\%", "%", "$ %", " percent"})
    if (rest.starts_with(percent)) {
      answer += "\\%";
      break;
    }
  return Extraction{answer, FoundBy::kBox};
}

std::vector<Box> find_boxes(std::string_view text) {
  std::vector<Box> boxes;
  const std::size_t start = first_command(text);
  if (start == std::string_view::npos) return boxes;
  struct Open {
    std::size_t box;  // where its command begins; npos for a plain brace
    std::size_t content;
  };
  std::vector<Open> open;
  for (std::size_t i = start; i < text.size(); ++i) {
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

}  // namespace qreason::math
