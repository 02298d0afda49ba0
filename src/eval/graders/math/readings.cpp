#include "eval/graders/math/readings.h"

#include <algorithm>

#include "eval/graders/math/comparison.h"
#include "eval/graders/math/dates.h"
#include "eval/graders/math/known_functions.h"
#include "eval/graders/math/plus_minus.h"

namespace qreason::math {
namespace {

// Whether the comma in [comma, end) of the text is that of "1,234", and not that of "0,111" or "1,2345".
bool is_group_of_three(std::string_view text, std::size_t comma, std::size_t end) {
  std::size_t before = 0, behind = 0;
  while (before < comma && is_digit(text[comma - 1 - before])) ++before;
  while (end + behind < text.size() && is_digit(text[end + behind])) ++behind;
  return behind == 3 && before >= 1 && before <= 3 && text[comma - before] != '0';
}

// "2{,}5" as "2.5"; nullopt where the commas stand between groups of three digits, or there is none.
std::optional<std::string> with_decimal_points(std::string_view text) {
  constexpr std::string_view kComma = "{,}";
  std::string result;
  bool decimal = false;
  for (std::size_t i = 0; i < text.size();) {
    const bool comma = text.substr(i).starts_with(kComma) && i > 0 && is_digit(text[i - 1]) &&
                       i + kComma.size() < text.size() && is_digit(text[i + kComma.size()]);
    if (!comma) {
      result += text[i++];
      continue;
    }
    if (is_group_of_three(text, i, i + kComma.size())) return std::nullopt;
    result += '.';
    i += kComma.size();
    decimal = true;
  }
  return decimal ? std::optional(result) : std::nullopt;
}

}  // namespace

std::optional<ChoiceAndValue> choice_and_value(std::string_view text) {
  const auto take = [&](std::string_view what) {
    if (!text.starts_with(what)) return false;
    text.remove_prefix(what.size());
    return true;
  };
  bool styled = false;
  for (const std::string_view style : {"\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{", "\\textrm{"})
    styled = styled || take(style);
  const bool bracket = take("(");
  if (text.size() < 3 || text[0] < 'A' || text[0] > 'E') return std::nullopt;
  const std::string choice(text.substr(0, 1));
  text.remove_prefix(1);
  if (!take(")") && (bracket || !take("."))) return std::nullopt;
  if (!styled && !is_blank(text[0]) && text[0] != '\\' && text[0] != '~') return std::nullopt;
  while (take(" ")) continue;
  const bool closed = styled && take("}");
  if (styled && !closed) {  // "\text{(B) 12}"
    if (!text.ends_with('}') || text.find_first_of("{}") != text.size() - 1) return std::nullopt;
    text.remove_suffix(1);
  }
  for (const std::string_view space : {"\\ ", "\\,", "\\;", "~", "\\quad", " "})
    while (take(space)) continue;
  const bool value = !text.empty() && (is_digit(text[0]) || text[0] == '\\' || text[0] == '-' || text[0] == '$');
  return value ? std::optional(ChoiceAndValue{choice, std::string(text)}) : std::nullopt;
}

std::vector<ReadAnswer> readings(std::string_view text) {
  std::vector<ReadAnswer> result;
  const auto add = [&](CommaReading commas, LetterReading letters) {
    const Reading reading{commas, letters};
    if (auto parsed = parse_answer(text, reading)) result.push_back({reading, expand_plus_minus(*std::move(parsed))});
  };
  if (const auto date = date_of(text)) {
    result.push_back({Reading{}, Node{NodeKind::kText, "the day " + *date, std::nullopt, false, 10, {}}});
    return result;
  }
  if (const auto choice = choice_and_value(text)) {
    for (const std::string& part : {choice->value, choice->choice})
      if (auto parsed = parse_answer(part, Reading{}))
        result.push_back({Reading{}, expand_plus_minus(*std::move(parsed))});
    return result;
  }
  if (const auto decimal = with_decimal_points(text)) {
    if (auto parsed = parse_answer(*decimal, Reading{}))
      result.push_back({Reading{}, expand_plus_minus(*std::move(parsed))});
    return result;
  }
  add(CommaReading::kGroups, LetterReading::kVariables);
  if (has_letter_unit(text)) add(CommaReading::kGroups, LetterReading::kUnits);
  if (has_digit_comma(text)) {
    add(CommaReading::kList, LetterReading::kVariables);
    if (!result.empty() && result.back().reading.commas == CommaReading::kList)
      result.back().also_number = !is_collection(result.front().node) && is_collection(result.back().node);
    const bool one_comma = std::count(text.begin(), text.end(), ',') == 1;
    const bool plain = text.find_first_not_of("0123456789,-$ .") == std::string_view::npos;
    const std::size_t comma = text.find(',');
    if (one_comma && plain && !is_group_of_three(text, comma, comma + 1))
      add(CommaReading::kDecimal, LetterReading::kVariables);
  }
  for (std::size_t i = 0, read = result.size(); i < read; ++i) {
    const ReadAnswer plain = result[i];
    if (auto number = with_numbers_of_choices(plain.node); number && !has_variables(*number))
      result.push_back({plain.reading, *std::move(number)});
  }
  return result;
}

bool allowed_together(const ReadAnswer& a, const ReadAnswer& b) {
  const auto delimited = [](const Node& n) { return is_collection(n) && n.kind != NodeKind::kList; };
  if ((a.also_number && delimited(b.node)) || (b.also_number && delimited(a.node))) return false;
  if (a.reading.letters == LetterReading::kUnits && has_variables(b.node)) return false;
  return !(b.reading.letters == LetterReading::kUnits && has_variables(a.node));
}

bool digits_of_base(const Node& node, std::string_view other) {
  if (node.kind != NodeKind::kBased) return false;
  std::string plain;
  for (const char c : other)
    if (!is_blank(c) && c != '$') plain += c;
  return plain == node.text;
}

}  // namespace qreason::math
