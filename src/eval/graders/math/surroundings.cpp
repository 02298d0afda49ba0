#include "eval/graders/math/surroundings.h"

#include <algorithm>
#include <initializer_list>

#include "eval/graders/math/extract.h"
#include "eval/graders/math/grown_expression.h"
#include "eval/graders/math/unit_parser.h"
#include "eval/graders/math/words.h"

namespace qreason::math {
namespace {

constexpr std::size_t kReach = 120;  // bytes to either side of a number
constexpr std::size_t kMostEnumerated = 100;
constexpr std::size_t kMostWidened = 100;  // numbers of a line

// The line around a number, cut to what is looked at.
struct Line {
  std::string_view text;
  std::size_t begin, end;  // of the number
  std::size_t start;       // of the line in the text
};

Line line_around(std::string_view text, const Found& number) {
  std::size_t first = number.begin > kReach ? number.begin - kReach : 0;
  const std::size_t newline = text.substr(first, number.begin - first).rfind('\n');
  if (newline != std::string_view::npos) first += newline + 1;
  std::size_t last = std::min(text.size(), number.end + kReach);
  if (const std::size_t next = text.substr(number.end, last - number.end).find('\n'); next != std::string_view::npos)
    last = number.end + next;
  return {text.substr(first, last - first), number.begin - first, number.end - first, first};
}

Found part_of(const Line& line, std::size_t begin, std::size_t end) {
  return {begin, end, std::string(line.text.substr(begin, end - begin))};
}

// "(3, 4)", "[2, 5)", "{1, 2}", "<3, 4>" around the number; not "f(3, 4)", nor "(1,234)".
std::optional<Found> in_brackets(const Line& line) {
  constexpr std::string_view kInside = "0123456789.,-+/*^ ";
  const auto is_inside = [&](std::string_view part) {
    std::string plain(part);
    for (const std::string_view sign : {"\u2212", "\u221a", "\u03c0", "sqrt", "pi"})
      for (std::size_t at = plain.find(sign); at != std::string::npos; at = plain.find(sign))
        plain.erase(at, sign.size());
    return plain.find_first_not_of(kInside) == std::string::npos;
  };
  const std::size_t open = line.text.find_last_of("([{<", line.begin);
  const std::size_t close = line.text.find_first_of(")]}>", line.end);
  if (open == std::string_view::npos || close == std::string_view::npos) return std::nullopt;
  const std::string_view content = line.text.substr(open + 1, close - open - 1);
  const std::size_t comma = content.find(',');
  if (comma == std::string_view::npos || !is_inside(content)) return std::nullopt;
  const bool thousands = content.find(' ') == std::string_view::npos && content.size() == comma + 4;
  if (thousands || (line.text[open] == '{') != (line.text[close] == '}') ||
      (line.text[open] == '<') != (line.text[close] == '>'))
    return std::nullopt;
  const std::string_view before = line.text.substr(0, open);
  const bool point = ends_letter(before) && before.back() <= 'Z' && !ends_letter(before.substr(0, before.size() - 1));
  if (!before.empty() && !point &&
      (ends_letter(before) || ends_digit(before) || before.back() == ')' || before.back() == '\\'))
    return std::nullopt;
  const std::string inside(content);
  if (line.text[open] == '{') return Found{open, close + 1, "\\{" + inside + "\\}"};
  if (line.text[open] == '<') return Found{open, close + 1, "(" + inside + ")"};
  return part_of(line, open, close + 1);
}

// "4:30 pm", "3:4", "1:2:3".
std::optional<Found> with_colons(const Line& line) {
  std::size_t begin = line.begin, end = line.end;
  while (begin > 1 && line.text[begin - 1] == ':' && is_digit(line.text[begin - 2])) {
    begin -= 2;
    while (begin > 0 && (is_digit(line.text[begin - 1]) || line.text[begin - 1] == '.')) --begin;
  }
  if (begin == line.begin || ends_letter(line.text.substr(0, begin))) return std::nullopt;
  const std::string_view rest = line.text.substr(end);
  for (const std::string_view half :
       {" a.m.", " p.m.", " am", " pm", " AM", " PM", "am", "pm", "AM", "PM", " A.M.", " P.M."})
    if (rest.starts_with(half) && !begins_letter(rest.substr(half.size()))) {
      end += half.size();
      break;
    }
  return part_of(line, begin, end);
}

// The word behind `at`, with a blank in front of it.
std::string_view next_word(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != ' ') return {};
  std::size_t end = at + 1;
  while (end < text.size() && is_letter(text[end])) ++end;
  return text.substr(at + 1, end - at - 1);
}

// "2 hours and 30 minutes", "5 feet 6 inches": the smaller unit belongs to the larger in front of it.
std::optional<Found> in_two_units(const Line& line) {
  const std::string_view small = next_word(line.text, line.end);
  const auto small_unit = small.empty() ? std::nullopt : unit_of_word(small);
  std::string_view before = trimmed(line.text.substr(0, line.begin));
  if (!small_unit) return std::nullopt;
  for (const std::string_view joint : {"and", ","})
    if (before.ends_with(joint)) before = trimmed(before.substr(0, before.size() - joint.size()));
  const std::size_t word = before.rfind(' ');
  if (word == std::string_view::npos || word == 0 || !is_digit(before[word - 1])) return std::nullopt;
  const auto large_unit = unit_of_word(before.substr(word + 1));
  if (!large_unit || large_unit->dimensions != small_unit->dimensions ||
      !small_unit->scale.less_than(large_unit->scale))
    return std::nullopt;
  std::size_t begin = word;
  while (begin > 0 && (is_digit(before[begin - 1]) || before[begin - 1] == '.' || before[begin - 1] == ',')) --begin;
  const std::size_t from = static_cast<std::size_t>(before.data() - line.text.data()) + begin;
  const std::size_t to = line.end + 1 + small.size();
  return part_of(line, from, to);
}

// "3 by 4": a size, and no number; "5 in 36", "5 out of 36".
std::optional<Found> by_another(const Line& line) {
  const std::string_view before = line.text.substr(0, line.begin);
  for (const std::string_view word : {" by ", " in ", " out of "}) {
    if (!before.ends_with(word) || !ends_digit(before.substr(0, before.size() - word.size()))) continue;
    std::size_t begin = before.size() - word.size();
    while (begin > 0 && is_digit(before[begin - 1])) --begin;
    Found whole = part_of(line, begin, line.end);
    if (const std::size_t at = whole.text.find(" out of "); at != std::string::npos) whole.text.replace(at, 8, "/");
    return whole;
  }
  return std::nullopt;
}

// "371 (mod 1000)"
std::optional<Found> as_modulus(const Line& line) {
  std::string_view before = trimmed(line.text.substr(0, line.begin));
  if (!before.ends_with("mod")) return std::nullopt;
  before = trimmed(before.substr(0, before.size() - 3));
  if (before.ends_with('(')) before = trimmed(before.substr(0, before.size() - 1));
  std::size_t begin = before.size();
  while (begin > 0 && is_digit(before[begin - 1])) --begin;
  if (begin == before.size()) return std::nullopt;
  const std::string modulus(line.text.substr(line.begin, line.end - line.begin));
  const auto from = static_cast<std::size_t>(before.data() - line.text.data()) + begin;
  return Found{from, line.end, std::string(before.substr(begin)) + " \\pmod{" + modulus + "}"};
}

// "42 and a half"
std::optional<Found> and_a_part(const Line& line) {
  constexpr std::string_view kJoint = " and a ";
  const std::string_view behind = line.text.substr(line.end);
  const bool whole =
      line.text.substr(line.begin, line.end - line.begin).find_first_not_of("0123456789") == std::string_view::npos;
  if (!whole || !behind.starts_with(kJoint)) return std::nullopt;
  std::size_t end = kJoint.size();
  while (end < behind.size() && is_letter(behind[end])) ++end;
  if (!part_in_words("one " + std::string(behind.substr(kJoint.size(), end - kJoint.size())))) return std::nullopt;
  return part_of(line, line.begin, line.end + end);
}

// "1011 in base 2", "1011 (base 2)", "1011 base 2"
std::optional<Found> in_base(const Line& line) {
  std::string_view before = line.text.substr(0, line.begin);
  if (!before.ends_with(" base ") && !before.ends_with("(base ")) return std::nullopt;
  const bool bracket = before.ends_with("(base ");
  before = trimmed(before.substr(0, before.size() - (bracket ? 6 : 5)));
  if (before.ends_with(" in")) before = trimmed(before.substr(0, before.size() - 3));
  std::size_t begin = before.size();
  while (begin > 0 && is_digit(before[begin - 1])) --begin;
  if (begin == before.size() || ends_letter(before.substr(0, begin))) return std::nullopt;
  const std::string base(line.text.substr(line.begin, line.end - line.begin));
  return Found{begin, line.end, std::string(before.substr(begin)) + "_{" + base + "}"};
}

// ", ", " and ", ", or ": what stands between two values of an enumeration, in front of a name of the second.
struct Joint {
  bool joins = false, by_or = false;
  std::string_view name;  // "x =", behind it
};

Joint joint_of(std::string_view between) {
  const auto skip = [&](std::initializer_list<char> characters) {
    while (!between.empty() && std::find(characters.begin(), characters.end(), between[0]) != characters.end())
      between.remove_prefix(1);
  };
  Joint joint;
  skip({' ', '$'});
  if (between.starts_with(',')) {
    joint.joins = true;
    between.remove_prefix(1);
    skip({' '});
  }
  for (const std::string_view word : {"and", "or"}) {
    if (!between.starts_with(word) || begins_letter(between.substr(word.size()))) continue;
    joint.joins = true;
    joint.by_or = word == "or";
    between.remove_prefix(word.size());
    break;
  }
  skip({' ', '$'});
  joint.name = trimmed(between);
  const bool named = joint.name.size() >= 3 && joint.name.size() <= 8 && joint.name.ends_with('=') &&
                     is_letter(joint.name[0]) && !is_letter(joint.name[1]);
  joint.joins = joint.joins && (joint.name.empty() || named);
  return joint;
}

// "are", "solutions:" in front of the first value and its name.
bool announces_several(std::string_view before) {
  before = trimmed(before);
  while (!before.empty() && std::string_view("$ ").find(before.back()) != std::string_view::npos)
    before.remove_suffix(1);
  const bool colon = before.ends_with(':');
  if (colon) before.remove_suffix(1);
  before = trimmed(before);
  const std::size_t word = before.find_last_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
  const std::string_view last = before.substr(word == std::string_view::npos ? 0 : word + 1);
  return last == "are" || last == "were" || (colon && last.size() > 3 && last.ends_with('s'));
}

}  // namespace

Found with_surroundings(std::string_view text, const Found& number) {
  const Line line = line_around(text, number);
  for (const auto part : {in_brackets, with_colons, in_two_units, by_another, as_modulus, and_a_part, in_base}) {
    auto whole = part(line);
    if (!whole) continue;
    whole->begin += line.start;
    whole->end += line.start;
    return *std::move(whole);
  }
  const auto grown = grown_expression(line.text, line.begin, line.end);
  if (!grown) return number;
  return {grown->begin + line.start, grown->end + line.start, grown->text};
}

std::vector<Found> widened(std::string_view text, const std::vector<Found>& numbers) {
  std::vector<Found> parts;
  for (std::size_t i = numbers.size(); i-- > 0 && parts.size() < kMostWidened;)
    if (parts.empty() || numbers[i].end <= parts.back().begin) parts.push_back(with_surroundings(text, numbers[i]));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::optional<std::string> enumerated(std::string_view text, const std::vector<Found>& values) {
  if (values.size() < 2) return std::nullopt;
  std::size_t first = values.size() - 1;
  bool by_or = false;
  std::vector<std::string> items;
  const auto item_of = [&](std::size_t i, std::string_view name) {
    const bool named = values[i].text.find('=') != std::string::npos;
    return (named ? "" : std::string(name) + " ") + values[i].text;
  };
  while (first > 0 && items.size() < kMostEnumerated && values[first - 1].end <= values[first].begin) {
    const std::string_view between = text.substr(values[first - 1].end, values[first].begin - values[first - 1].end);
    const Joint joint = between.size() <= 20 ? joint_of(between) : Joint{};
    if (!joint.joins) break;
    items.push_back(item_of(first, joint.name));
    by_or = by_or || joint.by_or;
    --first;
  }
  if (items.empty()) return std::nullopt;
  std::string_view before = text.substr(0, values[first].begin);
  before = before.substr(before.size() - std::min(before.size(), kReach));
  std::string_view name;
  if (const std::string_view shorter = trimmed(before); shorter.ends_with('=')) {
    const std::size_t blank = trimmed(shorter.substr(0, shorter.size() - 1)).rfind(' ');
    name = shorter.substr(blank == std::string_view::npos ? 0 : blank + 1);
    if (name.size() <= 8)
      before = shorter.substr(0, shorter.size() - name.size());
    else
      name = {};
  }
  if (!by_or && !announces_several(before)) return std::nullopt;
  std::string answer = item_of(first, name);
  for (std::size_t i = items.size(); i-- > 0;) answer += ", " + items[i];
  return answer;
}

}  // namespace qreason::math
