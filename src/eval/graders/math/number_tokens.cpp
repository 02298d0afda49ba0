#include "eval/graders/math/number_tokens.h"

#include <algorithm>
#include <string>

namespace qreason::math {

bool all_of(std::string_view text, bool (*predicate)(char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), predicate);
}

// "2A_{16}", "1011_2": digits of a base that follows. Letters alone are no such digits.
bool NumberTokens::based_digits() {
  if (at_ > 0 &&
      (is_digit(text_[at_ - 1]) || is_letter(text_[at_ - 1]) || text_[at_ - 1] == '.' || text_[at_ - 1] == '^'))
    return false;
  std::size_t length = 0;
  bool digit = false;
  while (is_digit(peek(length)) || (peek(length) >= 'A' && peek(length) <= 'F')) digit |= is_digit(peek(length++));
  const bool enough = digit || length >= 2;
  if (length == 0 || !enough || peek(length) != '_') return false;
  push(TokenKind::kBased, std::string(text_.substr(at_, length)));
  at_ += length;
  return true;
}

// A comma in brackets that print stands between entries, whatever its digits: "(0,500)", "\{1,200\}". Braces that do
// not print count where a set may begin, and not as the argument of a command.
bool NumberTokens::separates_entries() const {
  std::vector<bool> open;  // whether each open bracket holds entries
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const auto is = [&](std::string_view text) { return tokens_[i].text == text; };
    const bool command = tokens_[i].kind == TokenKind::kCommand;
    if (command ? is("langle") : tokens_[i].kind == TokenKind::kSymbol && (is("(") || is("[") || is("\\{"))) {
      open.push_back(true);
    } else if (tokens_[i].kind == TokenKind::kSymbol && is("{")) {
      const std::string before = i == 0 ? "=" : tokens_[i - 1].text;
      open.push_back(before == "=" || before == "in" || before == "cup" || before == "cap");
    } else if (command ? is("rangle")
                       : tokens_[i].kind == TokenKind::kSymbol && (is(")") || is("]") || is("}") || is("\\}"))) {
      if (open.empty())
        open.push_back(is("]"));  // "]0,500["
      else
        open.pop_back();
    }
  }
  return std::find(open.begin(), open.end(), true) != open.end();
}

// "x=2,125": behind a letter's "=" a comma without space stands between two solutions, as Math-Verify reads it, unless
// it cannot ("x=1,024", "x=12,345,678") or more follows ("x=2,125 dollars").
bool NumberTokens::lists_solutions() const {
  const std::size_t size = tokens_.size();
  const bool named = size >= 2 && tokens_[size - 1].kind == TokenKind::kSymbol && tokens_[size - 1].text == "=" &&
                     tokens_[size - 2].kind == TokenKind::kLetter;
  std::size_t begin = at_;
  while (begin > 0 && is_digit(text_[begin - 1])) --begin;
  const bool second_group = begin > 0 && text_[begin - 1] == ',';
  if (!named || second_group || peek(1) == '0') return false;
  return text_.find_first_not_of(" $.)\\", std::min(at_ + 4, text_.size())) == std::string_view::npos;
}

// The length of a separator between groups of three digits at the present place, 0 if there is none.
std::size_t NumberTokens::group_separator() const {
  std::size_t length = 0;
  if (starts(",\\!")) {
    length = 3;
    while (peek(length) == ' ') ++length;
  } else if (starts("{,}") || starts("{ ,}") || starts("{, }")) {
    length = text_.find('}', at_) - at_ + 1;
    if (text_.substr(at_ + length).starts_with("\\!")) length += 2;
  } else if (starts(" {,}") || starts(" {, }")) {
    length = text_.find('}', at_) - at_ + 1;
  } else if (starts("\\,") || starts("\\!") || starts("\\;") || starts("\\ ")) {
    length = 2;
  } else if (peek() == ',' && reading_.commas == CommaReading::kGroups) {
    length = 1;
  } else if (peek() == ' ') {
    length = 1;
  }
  if (length == 0) return 0;
  for (std::size_t i = 0; i < 3; ++i)
    if (!is_digit(peek(length + i))) return 0;
  const bool entries = length == 1 && peek() == ',' && (separates_entries() || lists_solutions());
  return is_digit(peek(length + 3)) || entries ? 0 : length;
}

bool NumberTokens::number() {
  std::string digits;
  while (is_digit(peek())) digits += text_[at_++];
  if (digits.size() <= 3 && !digits.empty() && digits[0] != '0') {
    while (const std::size_t length = group_separator()) {
      digits.append(text_.substr(at_ + length, 3));
      at_ += length + 3;
    }
  }
  if (decade(digits) || repeating(digits)) return true;
  if (digits.empty() && peek() == '.' && !is_digit(peek(1))) {  // ".\\overline{x}"
    ++at_;
    return false;
  }
  const bool decimal_comma = reading_.commas == CommaReading::kDecimal && peek() == ',';
  if ((peek() == '.' || decimal_comma) && is_digit(peek(1))) {
    digits += '.';
    ++at_;
    while (is_digit(peek())) digits += text_[at_++];
    if (repeated_by_dots(digits)) return true;
  } else if (peek() == '.' && !digits.empty() && !starts("...")) {
    ++at_;  // a full stop, or "5."
    for (const std::string_view period : {"\\overline", "\\bar", "\\dot{", "\\dot "})
      if (starts(period)) return false;  // of no digits: no factor of the number in front
  }
  exponent(digits);
  push(TokenKind::kNumber, std::move(digits));
  ordinal();
  return true;
}

bool NumberTokens::ends_in_hour() const {
  const bool hour = space_ && !tokens_.empty() && tokens_.back().kind == TokenKind::kNumber &&
                    tokens_.back().text.size() <= 2 && all_of(tokens_.back().text, is_digit);
  return hour && text_.find_first_not_of(" .", at_) == std::string_view::npos;
}

bool NumberTokens::ends_in_minutes() const {
  if (tokens_.empty() || tokens_.back().kind != TokenKind::kNumber) return false;
  const std::string_view rest = text_.substr(std::min(text_.find_first_not_of(' ', at_), text_.size()));
  if (rest.empty() || is_digit(rest[0]) || rest.starts_with("\\text")) return true;
  if (is_letter(rest[0])) return rest.size() > 1 && is_letter(rest[1]);
  return std::string_view(".,;)}/$").find(rest[0]) != std::string_view::npos;
}

// "1.5e3", "6E23"; not "2e-3", which is 2e - 3.
void NumberTokens::exponent(std::string& digits) {
  if (peek() != 'e' && peek() != 'E') return;
  const bool sign = peek(1) == '-' || peek(1) == '+';
  const bool mantissa = digits.find('.') != std::string::npos || digits == "1";
  if (sign && !mantissa) return;
  std::size_t length = sign ? 2 : 1;
  const std::size_t first = length;
  while (is_digit(peek(length))) ++length;
  if (length == first || length > first + 4 || is_letter(peek(length)) || peek(length) == '^') return;
  digits += "e" + std::string(text_.substr(at_ + (peek(1) == '+' ? 2 : 1), length - (peek(1) == '+' ? 2 : 1)));
  at_ += length;
}

// "5th", "3rd".
void NumberTokens::ordinal() {
  for (const std::string_view ending : {"st", "nd", "rd", "th"})
    if (starts(ending) && !is_letter(peek(2))) at_ += 2;
}

// "1990s", "1990's": ten years, and no number.
bool NumberTokens::decade(const std::string& digits) {
  const bool year = digits.size() == 4 && digits[3] == '0' && digits >= "1700" && digits <= "2090";
  const std::size_t mark = peek() == '\'' ? 1 : 0;
  if (!year || peek(mark) != 's' || is_letter(peek(mark + 1))) return false;
  at_ += mark + 1;
  push(TokenKind::kText, digits + "s");
  return true;
}

// ".1\overline{6}" after digits: one number, "0.1(6)"; "0.(3)" and "2.\bar3" too. False: no such thing here.
bool NumberTokens::repeating(const std::string& digits) {
  std::size_t end = at_ + (peek() == '.' ? 1 : 0);
  if (end == at_) return false;
  const bool bare = end < text_.size() && text_[end] == '(';
  while (end < text_.size() && is_digit(text_[end])) ++end;
  const std::string_view rest = text_.substr(end);
  for (const std::string_view command :
       {"\\overline{", "\\bar{", "\\dot{", "\\overline ", "\\bar ", "\\dot ", "\\overline", "\\bar", "\\dot", "("}) {
    if (!rest.starts_with(command) || (command == "(" && !bare)) continue;
    const bool group = command.back() == '{' || command == "(";
    const std::size_t close = group ? rest.find(command == "(" ? ')' : '}') : command.size() + 1;
    const std::string_view period = rest.substr(command.size(), std::min(close, rest.size()) - command.size());
    if (close > rest.size() || !all_of(period, is_digit)) return false;
    push(TokenKind::kNumber, digits + std::string(text_.substr(at_, end - at_)) + "(" + std::string(period) + ")");
    at_ = end + close + (group ? 1 : 0);
    return true;
  }
  return false;
}

// "0.333...", "0.1515\ldots": the shortest period that is seen twice (one digit: three times) repeats.
bool NumberTokens::repeated_by_dots(const std::string& digits) {
  std::size_t length = 0;
  for (const std::string_view dots : {"\\ldots", "\\dots", "\\cdots", "..."})
    if (starts(dots)) length = dots.size();
  if (length == 0) return false;
  at_ += length;
  const std::string decimals = digits.substr(digits.find('.') + 1);
  for (std::size_t period = 1; period <= 6; ++period) {
    const std::size_t needed = period == 1 ? 3 : 2 * period;
    if (decimals.size() < needed) break;
    bool repeats = true;
    for (std::size_t i = decimals.size() - needed + period; i < decimals.size(); ++i)
      repeats = repeats && decimals[i] == decimals[i - period];
    if (!repeats) continue;
    push(TokenKind::kNumber,
         digits.substr(0, digits.size() - period) + "(" + digits.substr(digits.size() - period) + ")");
    return true;
  }
  push(TokenKind::kNumber, digits);
  push(TokenKind::kCommand, "ldots");
  return true;
}

}  // namespace qreason::math
