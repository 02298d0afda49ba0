#include "eval/graders/math/latex_tokens.h"

#include <algorithm>
#include <array>

#include "eval/graders/math/latex_commands.h"
#include "eval/graders/math/unicode_signs.h"
#include "eval/graders/math/words.h"

namespace qreason::math {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

namespace {

constexpr int kMaxTextDepth = 4;  // \text inside of \text
constexpr std::string_view kLetterUnits = "msghLNJWVtlAK";

bool all_of(std::string_view text, bool (*predicate)(char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), predicate);
}

class Tokenizer {
 public:
  Tokenizer(std::string_view text, Reading reading, std::vector<Token>& tokens, int text_depth)
      : text_(text), reading_(reading), tokens_(tokens), text_depth_(text_depth) {}

  bool run() {
    while (at_ < text_.size())
      if (!step()) return false;
    return true;
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }
  void push(TokenKind kind, std::string text) {
    tokens_.push_back({kind, std::move(text), space_});
    space_ = false;
  }
  bool after_value() const {
    if (tokens_.empty()) return false;
    const Token& last = tokens_.back();
    return last.kind == TokenKind::kNumber || last.kind == TokenKind::kText ||
           (last.kind == TokenKind::kSymbol && (last.text == "}" || last.text == ")" || last.text == "/"));
  }

  bool step() {
    const char c = peek();
    if (is_blank(c) || c == '$' || c == '~') {
      space_ = true;
      ++at_;
      return true;
    }
    if (based_digits()) return true;
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '\\') return command();
    if (is_letter(c)) return word();
    if (static_cast<unsigned char>(c) >= 0x80) return other_character();
    return symbol();
  }

  // "2A_{16}", "1011_2": digits of a base that follows. Letters alone are no such digits.
  bool based_digits() {
    if (at_ > 0 && (is_digit(text_[at_ - 1]) || is_letter(text_[at_ - 1]) || text_[at_ - 1] == '.')) return false;
    std::size_t length = 0;
    bool digit = false;
    while (is_digit(peek(length)) || (peek(length) >= 'A' && peek(length) <= 'F')) digit |= is_digit(peek(length++));
    const bool enough = digit || length >= 2;
    if (length == 0 || !enough || peek(length) != '_') return false;
    push(TokenKind::kBased, std::string(text_.substr(at_, length)));
    at_ += length;
    return true;
  }

  // The length of a separator between groups of three digits at the present place, 0 if there is none.
  std::size_t group_separator() const {
    std::size_t length = 0;
    if (starts(",\\!")) {
      length = 3;
      while (peek(length) == ' ') ++length;
    } else if (starts("{,}") || starts("{ ,}") || starts("{, }")) {
      length = text_.find('}', at_) - at_ + 1;
    } else if (starts(" {,}") || starts(" {, }")) {
      length = text_.find('}', at_) - at_ + 1;
    } else if (starts("\\,") || starts("\\!") || starts("\\;")) {
      length = 2;
    } else if (peek() == ',' && reading_.commas == CommaReading::kGroups) {
      length = 1;
    } else if (peek() == ' ') {
      length = 1;
    }
    if (length == 0) return 0;
    for (std::size_t i = 0; i < 3; ++i)
      if (!is_digit(peek(length + i))) return 0;
    return is_digit(peek(length + 3)) ? 0 : length;
  }

  bool number() {
    std::string digits;
    while (is_digit(peek())) digits += text_[at_++];
    if (digits.size() <= 3 && !digits.empty()) {
      while (const std::size_t length = group_separator()) {
        digits.append(text_.substr(at_ + length, 3));
        at_ += length + 3;
      }
    }
    if (repeating(digits)) return true;
    const bool decimal_comma = reading_.commas == CommaReading::kDecimal && peek() == ',';
    if ((peek() == '.' || decimal_comma) && is_digit(peek(1))) {
      digits += '.';
      ++at_;
      while (is_digit(peek())) digits += text_[at_++];
      if (repeated_by_dots(digits)) return true;
    } else if (peek() == '.' && !digits.empty() && !starts("...")) {
      ++at_;  // a full stop, or "5."
    }
    exponent(digits);
    push(TokenKind::kNumber, std::move(digits));
    ordinal();
    return true;
  }

  // "1.5e3", "6E23"; not "2e-3", which is 2e - 3.
  void exponent(std::string& digits) {
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
  void ordinal() {
    for (const std::string_view ending : {"st", "nd", "rd", "th"})
      if (starts(ending) && !is_letter(peek(2))) at_ += 2;
  }

  // ".1\overline{6}" after digits: one number, "0.1(6)"; "0.(3)" too. False: no such thing here.
  bool repeating(const std::string& digits) {
    std::size_t end = at_ + (peek() == '.' ? 1 : 0);
    if (end == at_) return false;
    const bool bare = end < text_.size() && text_[end] == '(';
    while (end < text_.size() && is_digit(text_[end])) ++end;
    const std::string_view rest = text_.substr(end);
    for (const std::string_view command : {"\\overline{", "\\bar{", "\\dot{", "\\overline ", "\\bar ", "\\dot ", "("}) {
      if (!rest.starts_with(command) || (command == "(" && !bare)) continue;
      const bool group = command.back() != ' ';
      const std::size_t close = group ? rest.find(command == "(" ? ')' : '}') : command.size() + 1;
      const std::string_view period = rest.substr(command.size(), std::min(close, rest.size()) - command.size());
      if (close > rest.size() || period.size() > 100 || !all_of(period, is_digit)) return false;
      push(TokenKind::kNumber, digits + std::string(text_.substr(at_, end - at_)) + "(" + std::string(period) + ")");
      at_ = end + close + (group ? 1 : 0);
      return true;
    }
    return false;
  }

  // "0.333...", "0.1515\ldots": the shortest period that is seen twice (one digit: three times) repeats.
  bool repeated_by_dots(const std::string& digits) {
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

  bool command() {
    ++at_;
    // "\\\\frac" is what is left of a text escaped twice, unless rows of a matrix end so.
    if (peek() == '\\' && is_letter(peek(1)) && !has_rows_) ++at_;
    const char c = peek();
    if (!is_letter(c)) return escaped(c);
    std::string name;
    while (is_letter(peek())) name += text_[at_++];
    if (peek() == '*' && name == "operatorname") ++at_;
    if (name == "circ" || name == "degree") return degree(name);
    if (name == "euro" || name == "pounds" || name == "yen" || name == "rupee" || name == "rouble" || name == "dollar")
      return currency(name);
    if (name == "cent") {
      push(TokenKind::kText, "cents");
      return true;
    }
    if (name == "mathbb" || name == "Bbb") return number_set();
    const CommandRule* rule = find_command(name);
    if (rule == nullptr) {
      push(TokenKind::kCommand, std::move(name));
      return true;
    }
    switch (rule->kind) {
      case CommandKind::kOperator:
        push(TokenKind::kSymbol, std::string(rule->text));
        return true;
      case CommandKind::kName:
        push(TokenKind::kCommand, std::string(rule->text));
        return true;
      case CommandKind::kNothing:
        if ((name == "left" || name == "right") && peek() == '.') ++at_;
        space_ = true;
        return true;
      case CommandKind::kDropsArgument: {
        std::string ignored;
        return braced(ignored);
      }
      case CommandKind::kText:
        return text_argument();
      case CommandKind::kLetterStyle:
      case CommandKind::kAccent:
        return styled_letter(std::string(rule->text));
    }
    return true;
  }

  // "^\circ", "^{\circ}", "\degree" are degrees, another "\circ" nothing.
  bool degree(std::string_view name) {
    space_ = true;
    const bool raised = !tokens_.empty() && tokens_.back().text == "^";
    if (name != "degree" && !raised) return true;
    if (raised) tokens_.pop_back();
    push(TokenKind::kSymbol, std::string(kDegree));
    return true;
  }

  bool currency(std::string_view name) {
    const std::string_view unit = name == "dollar" ? "usd" : name == "euro" ? "eur" : name == "pounds" ? "gbp" : name;
    push(TokenKind::kSymbol, std::string(kCurrency) + std::string(unit));
    return true;
  }

  bool number_set() {
    std::string name;
    if (!argument(name)) return false;
    push(TokenKind::kCommand, name == "R" ? "reals" : "mathbb " + name);
    return true;
  }

  // A letter of its own when the style makes one ("\vec{v}", "\bar{x}"; "\mathbf{i}" is no imaginary unit).
  bool styled_letter(const std::string& accent) {
    const std::size_t before = at_;
    std::string content;
    if (!argument(content)) return false;
    const bool letters = all_of(content, is_letter);
    const bool unit_vector = letters && content.size() == 1 && (content == "i" || content == "e");
    if (letters && !accent.empty()) {
      const bool vector = accent == "vec" && content.size() == 1 && !unit_vector;
      push(TokenKind::kLetter, vector ? content : accent + " " + content);
    } else if (unit_vector) {
      push(TokenKind::kLetter, "vec " + content);
    } else if (letters && content.size() == 1) {
      push(TokenKind::kLetter, content);
    } else if (letters && content.size() >= 3) {
      push(TokenKind::kText, content);
    } else if (accent.empty() || accent == "vec") {
      at_ = before;  // the argument is a group of its own
    } else {
      push(TokenKind::kCommand, accent);
      at_ = before;
    }
    return true;
  }

  bool escaped(char c) {
    ++at_;
    if (c == '{')
      push(TokenKind::kSymbol, "\\{");
    else if (c == '}')
      push(TokenKind::kSymbol, "\\}");
    else if (c == '%')
      push(TokenKind::kSymbol, "%");
    else if (c == '|')
      push(TokenKind::kSymbol, "|");
    else if (c == '\\')
      push(TokenKind::kSymbol, "\\\\");
    else if (c == '$' && peek() != '\0')
      return currency("dollar");
    else
      space_ = true;  // \, \; \! \( \) \[ \] and the like
    return true;
  }

  // The content of a group, or one character; nothing where there is none.
  bool argument(std::string& content) {
    while (is_blank(peek())) ++at_;
    if (peek() == '{') return braced(content);
    if (at_ < text_.size() && is_letter(peek())) content = text_[at_++];
    return true;
  }

  bool braced(std::string& content) {
    while (is_blank(peek())) ++at_;
    if (peek() != '{') return true;
    ++at_;
    int depth = 1;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '{') ++depth;
      if (c == '}' && --depth == 0) return true;
      content += c;
    }
    return false;
  }

  bool text_argument() {
    std::string content;
    if (!argument(content)) return false;
    while (!content.empty() && is_blank(content.back())) content.pop_back();
    content.erase(0, std::min(content.find_first_not_of(" \t\n"), content.size()));
    // "\text{(C)}" is the choice C.
    if (content.size() == 3 && content.front() == '(' && content.back() == ')') content = content.substr(1, 1);
    if (is_function_name(content)) {
      push(TokenKind::kCommand, content);
      return true;
    }
    if (content.size() == 1 && is_letter(content[0])) {
      const bool unit = after_value() && kLetterUnits.find(content[0]) != std::string_view::npos;
      const bool degrees = after_degree() && (content == "C" || content == "F");
      push(unit || degrees ? TokenKind::kText : TokenKind::kLetter, content);
      return true;
    }
    if (peek() == '_' && all_of(content, [](char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); })) {
      push(TokenKind::kBased, content);
      return true;
    }
    space_ = true;
    if (text_depth_ >= kMaxTextDepth) return false;
    return Tokenizer(content, reading_, tokens_, text_depth_ + 1).run();
  }

  bool after_degree() const {
    return !tokens_.empty() && tokens_.back().kind == TokenKind::kSymbol && tokens_.back().text == kDegree;
  }

  bool word() {
    std::size_t end = at_;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    std::string letters(text_.substr(at_, end - at_));
    // "p.m.", "a.m.", "Rs."
    if (letters.size() == 1 && end + 1 < text_.size() && text_[end] == '.' &&
        (text_[end + 1] == 'm' || text_[end + 1] == 'M')) {
      letters += ".m.";
      end = std::min(end + 3, text_.size());
    } else if (letters == "Rs" && end < text_.size() && text_[end] == '.') {
      ++end;
    }
    const bool glued = at_ > 0 && is_digit(text_[at_ - 1]);
    at_ = end;
    const std::string lower = lower_case(letters);
    if (is_function_name(lower) && !(text_depth_ > 0 && after_value()) && !(lower == "deg" || lower == "sec")) {
      push(TokenKind::kCommand, lower);
    } else if (lower == "pi") {
      push(TokenKind::kCommand, "pi");
    } else if (lower == "infinity") {
      push(TokenKind::kCommand, "infty");
    } else if (lower == "choose") {
      push(TokenKind::kCommand, "choose");
    } else if (lower == "and" || lower == "or") {
      push(TokenKind::kText, lower);
    } else if (is_text(letters, glued)) {
      push(TokenKind::kText, letters);
    } else {
      for (const char c : letters) push(TokenKind::kLetter, std::string(1, c));
    }
    return true;
  }

  bool is_text(const std::string& letters, bool glued) const {
    if (letters.size() == 1) {
      if (!after_value() || kLetterUnits.find(letters[0]) == std::string_view::npos) {
        return after_degree() && (letters == "C" || letters == "F");
      }
      if (tokens_.back().text == "/") return unit_before_slash();
      return text_depth_ > 0 || (reading_.letters == LetterReading::kUnits && space_);
    }
    if (text_depth_ > 0 && letters.size() >= 2) return true;
    if (is_unit_word(letters) && after_value() && letters != "am") return true;
    if (letters == "sq" || letters == "cu") return after_value();
    if (letters.size() == 2) return false;
    if (is_known_word(letters)) return true;
    return letters.size() >= 4 && !glued && looks_like_word(letters);
  }

  bool unit_before_slash() const { return tokens_.size() >= 2 && tokens_[tokens_.size() - 2].kind == TokenKind::kText; }

  bool other_character() {
    std::string character(1, text_[at_++]);
    while (at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0) == 0x80) character += text_[at_++];
    push(TokenKind::kLetter, std::move(character));
    return true;
  }

  bool symbol() {
    for (const std::string_view two : {"<=", ">=", "!=", "**", "=="}) {
      if (!starts(two)) continue;
      at_ += 2;
      push(TokenKind::kSymbol, two == "**" ? "^" : two == "==" ? "=" : std::string(two));
      return true;
    }
    if (starts("...")) {
      at_ += 3;
      push(TokenKind::kCommand, "ldots");
      return true;
    }
    for (const std::string_view degrees : {"^\\circ", "^{\\circ}", "^{\\degree}", "^{ \\circ }", "^{\\circ }"}) {
      if (!starts(degrees)) continue;
      at_ += degrees.size();
      push(TokenKind::kSymbol, std::string(kDegree));
      return true;
    }
    push(TokenKind::kSymbol, std::string(1, text_[at_++]));
    return true;
  }

  std::string_view text_;
  Reading reading_;
  bool has_rows_ = text_.find("\\begin") != std::string_view::npos;
  std::size_t at_ = 0;
  bool space_ = false;
  std::vector<Token>& tokens_;
  int text_depth_;
};

}  // namespace

std::optional<std::vector<Token>> tokenize_answer(std::string_view text, Reading reading) {
  if (text.size() > kMaxExpressionBytes) return std::nullopt;
  std::vector<Token> tokens;
  const std::string latex = in_latex(text);
  if (!Tokenizer(latex, reading, tokens, 0).run()) return std::nullopt;
  return tokens;
}

bool has_digit_comma(std::string_view text) {
  for (std::size_t i = 1; i + 1 < text.size(); ++i)
    if (text[i] == ',' && is_digit(text[i - 1]) && is_digit(text[i + 1])) return true;
  return false;
}

bool has_letter_unit(std::string_view text) {
  for (std::size_t i = 2; i < text.size(); ++i)
    if (text[i - 1] == ' ' && is_digit(text[i - 2]) && kLetterUnits.find(text[i]) != std::string_view::npos &&
        (i + 1 == text.size() || !is_letter(text[i + 1])))
      return true;
  return false;
}

}  // namespace qreason::math
