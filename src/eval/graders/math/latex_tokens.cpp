#include "eval/graders/math/latex_tokens.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace qreason::math {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

constexpr std::array<std::string_view, 34> kIgnoredCommands = {
    "left",         "right",         "big",    "Big",     "bigl",         "bigr",      "Bigl",   "Bigr",       "bigg",
    "Bigg",         "biggl",         "biggr",  "middle",  "displaystyle", "textstyle", "limits", "quad",       "qquad",
    "circ",         "degree",        "dollar", "mathrm",  "mathbf",       "mathit",    "mathsf", "boldsymbol", "bm",
    "operatorname", "displaylimits", "hspace", "phantom", "nolimits",     "euro",      "pounds"};
constexpr std::array<std::string_view, 12> kTextCommands = {"text", "textbf", "textit", "textrm", "textnormal", "mbox",
                                                            "hbox", "textsf", "texttt", "emph",   "textsc",     "rm"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// UTF-8 signs that models use in place of a command.
struct Sign {
  std::string_view bytes;
  TokenKind kind;
  std::string_view text;  // empty: dropped
};
constexpr std::array<Sign, 24> kSigns = {
    {{"×", TokenKind::kCommand, "times"}, {"·", TokenKind::kCommand, "cdot"},  {"÷", TokenKind::kSymbol, "/"},
     {"−", TokenKind::kSymbol, "-"},      {"–", TokenKind::kSymbol, "-"},      {"π", TokenKind::kCommand, "pi"},
     {"√", TokenKind::kCommand, "sqrt"},  {"∞", TokenKind::kCommand, "infty"}, {"≤", TokenKind::kSymbol, "<="},
     {"≥", TokenKind::kSymbol, ">="},     {"≠", TokenKind::kSymbol, "!="},     {"≈", TokenKind::kCommand, "approx"},
     {"∪", TokenKind::kCommand, "cup"},   {"∈", TokenKind::kCommand, "in"},    {"±", TokenKind::kCommand, "pm"},
     {"°", TokenKind::kSymbol, kDegree},  {"€", TokenKind::kSymbol, ""},       {"£", TokenKind::kSymbol, ""},
     {"¥", TokenKind::kSymbol, ""},       {"\u00a0", TokenKind::kSymbol, ""},  {"²", TokenKind::kSymbol, "²"},
     {"³", TokenKind::kSymbol, "³"},      {"，", TokenKind::kSymbol, ","},     {"∅", TokenKind::kCommand, "emptyset"}}};

class Tokenizer {
 public:
  Tokenizer(std::string_view text, CommaReading commas) : text_(text), commas_(commas) {}

  std::optional<std::vector<Token>> run() {
    while (at_ < text_.size()) {
      if (!step()) return std::nullopt;
    }
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }
  void push(TokenKind kind, std::string text) {
    tokens_.push_back({kind, std::move(text), space_});
    space_ = false;
  }

  bool step() {
    const char c = peek();
    if (is_blank(c) || c == '$' || c == '~') {
      space_ = true;
      ++at_;
      return true;
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '\\') return command();
    if (is_letter(c)) return word();
    if (static_cast<unsigned char>(c) >= 0x80) return sign();
    return symbol();
  }

  // The length of a separator between groups of three digits at the present place, 0 if there is none.
  std::size_t group_separator() const {
    std::size_t length = 0;
    if (starts(",\\!")) {
      length = 3;
      while (peek(length) == ' ') ++length;
    } else if (starts("{,}")) {
      length = 3;
    } else if (starts("\\,") || starts("\\!") || starts("\\;")) {
      length = 2;
    } else if (peek() == ',' && commas_ == CommaReading::kGroups) {
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
    const bool decimal_comma = commas_ == CommaReading::kDecimal && peek() == ',';
    if ((peek() == '.' || decimal_comma) && is_digit(peek(1))) {
      digits += '.';
      ++at_;
      while (is_digit(peek())) digits += text_[at_++];
    } else if (peek() == '.' && !digits.empty()) {
      ++at_;  // a full stop, or "5."
    }
    push(TokenKind::kNumber, std::move(digits));
    return true;
  }

  // ".1\overline{6}" after digits: one number, "0.1(6)". False: no such thing here.
  bool repeating(const std::string& digits) {
    std::size_t end = at_ + (peek() == '.' ? 1 : 0);
    if (end == at_) return false;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    const std::string_view rest = text_.substr(end);
    for (const std::string_view command : {"\\overline{", "\\bar{", "\\dot{"}) {
      if (!rest.starts_with(command)) continue;
      const std::size_t close = rest.find('}');
      const std::string_view period = rest.substr(command.size(), std::min(close, rest.size()) - command.size());
      const bool number = close != std::string_view::npos && !period.empty() && period.size() <= 18 &&
                          std::all_of(period.begin(), period.end(), is_digit);
      if (!number) return false;
      push(TokenKind::kNumber, digits + std::string(text_.substr(at_, end - at_)) + "(" + std::string(period) + ")");
      at_ = end + close + 1;
      return true;
    }
    return false;
  }

  bool command() {
    ++at_;
    // "\\\\frac" is what is left of a text escaped twice, unless rows of a matrix end so.
    if (peek() == '\\' && is_letter(peek(1)) && !has_rows_) ++at_;
    const char c = peek();
    if (!is_letter(c)) return escaped(c);
    std::string name;
    while (is_letter(peek())) name += text_[at_++];
    if (contains(kTextCommands, name)) return text_argument();
    if (name == "hspace" || name == "phantom" || name == "vspace") {
      std::string ignored;
      return braced(ignored);
    }
    if (name == "lbrace")
      push(TokenKind::kSymbol, "\\{");
    else if (name == "rbrace")
      push(TokenKind::kSymbol, "\\}");
    else if (name == "lvert" || name == "rvert" || name == "vert" || name == "mid")
      push(TokenKind::kSymbol, "|");
    else if (name == "dfrac" || name == "tfrac" || name == "cfrac" || name == "nicefrac")
      push(TokenKind::kCommand, "frac");
    else if (name == "le" || name == "leq" || name == "leqslant")
      push(TokenKind::kSymbol, "<=");
    else if (name == "ge" || name == "geq" || name == "geqslant")
      push(TokenKind::kSymbol, ">=");
    else if (name == "lt")
      push(TokenKind::kSymbol, "<");
    else if (name == "gt")
      push(TokenKind::kSymbol, ">");
    else if (name == "ne" || name == "neq")
      push(TokenKind::kSymbol, "!=");
    else if (name == "colon")
      push(TokenKind::kSymbol, ":");
    else if (name == "left" || name == "right")
      skip_empty_delimiter();
    else if (!contains(kIgnoredCommands, name))
      push(TokenKind::kCommand, std::move(name));
    else
      ignored(name);
    return true;
  }

  // Of these only degrees mean something: "^\circ", "^\degree", "\degree".
  void ignored(std::string_view name) {
    space_ = true;
    const bool raised = !tokens_.empty() && tokens_.back().text == "^";
    if (name != "degree" && !(name == "circ" && raised)) return;
    if (raised) tokens_.pop_back();
    push(TokenKind::kSymbol, std::string(kDegree));
  }

  void skip_empty_delimiter() {
    if (peek() == '.') ++at_;
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
    else
      space_ = true;  // \, \; \! \$ \( \) \[ \] and the like
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
    if (!braced(content)) return false;
    const auto end = std::remove_if(content.begin(), content.end(), [](char c) { return c == '$' || c == '\\'; });
    content.erase(end, content.end());
    while (!content.empty() && is_blank(content.back())) content.pop_back();
    content.erase(0, std::min(content.find_first_not_of(" \t\n"), content.size()));
    // "\text{(C)}" is the choice C; digits inside a text are a number.
    if (content.size() == 3 && content.front() == '(' && content.back() == ')') content = content.substr(1, 1);
    const bool numeric =
        !content.empty() && std::all_of(content.begin(), content.end(), [](char c) { return is_digit(c); });
    if (numeric)
      push(TokenKind::kNumber, content);
    else if (content.size() == 1 && is_letter(content[0]))
      push(TokenKind::kLetter, content);
    else if (content == "," || content == ";")
      push(TokenKind::kSymbol, content);
    else if (!content.empty())
      push(TokenKind::kText, content);
    else
      space_ = true;
    return true;
  }

  bool word() {
    std::string letters;
    while (is_letter(peek())) letters += text_[at_++];
    std::string lower = letters;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (is_function_name(lower)) {
      push(TokenKind::kCommand, lower);
    } else if (lower == "pi") {
      push(TokenKind::kCommand, "pi");
    } else if (letters.size() >= 4 || is_unit_word(lower) || lower == "and" || lower == "or") {
      push(TokenKind::kText, letters);
    } else {
      for (const char c : letters) push(TokenKind::kLetter, std::string(1, c));
    }
    return true;
  }

  bool sign() {
    for (const Sign& candidate : kSigns) {
      if (!starts(candidate.bytes)) continue;
      at_ += candidate.bytes.size();
      if (candidate.text == "²" || candidate.text == "³") {
        push(TokenKind::kSymbol, "^");
        push(TokenKind::kNumber, candidate.text == "²" ? "2" : "3");
      } else if (!candidate.text.empty()) {
        push(candidate.kind, std::string(candidate.text));
      }
      return true;
    }
    std::string character(1, text_[at_++]);
    while (at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0) == 0x80) character += text_[at_++];
    push(TokenKind::kLetter, std::move(character));
    return true;
  }

  bool symbol() {
    if (starts("<=") || starts(">=") || starts("!=") || starts("**")) {
      const std::string two(text_.substr(at_, 2));
      at_ += 2;
      push(TokenKind::kSymbol, two == "**" ? "^" : two);
      return true;
    }
    if (starts("^\\circ") || starts("^{\\circ}") || starts("^{\\degree}") || starts("^{ \\circ }")) {
      at_ = text_[at_ + 1] == '{' ? text_.find('}', at_) + 1 : at_ + 6;
      push(TokenKind::kSymbol, std::string(kDegree));
      return true;
    }
    push(TokenKind::kSymbol, std::string(1, text_[at_++]));
    return true;
  }

  std::string_view text_;
  CommaReading commas_;
  bool has_rows_ = text_.find("\\begin") != std::string_view::npos;
  std::size_t at_ = 0;
  bool space_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

std::optional<std::vector<Token>> tokenize_answer(std::string_view text, CommaReading commas) {
  if (text.size() > kMaxExpressionBytes) return std::nullopt;
  return Tokenizer(text, commas).run();
}

bool has_digit_comma(std::string_view text) {
  for (std::size_t i = 1; i + 1 < text.size(); ++i)
    if (text[i] == ',' && is_digit(text[i - 1]) && is_digit(text[i + 1])) return true;
  return false;
}

}  // namespace qreason::math
