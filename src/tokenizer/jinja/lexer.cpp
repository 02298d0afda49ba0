#include "tokenizer/jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "base/error.h"
#include "tokenizer/jinja/string_literal.h"
#include "tokenizer/jinja/text.h"

namespace qreason::jinja {
namespace {

constexpr std::size_t npos = std::string_view::npos;

// Newlines as "\n", one at the end dropped: what jinja2 reads with keep_trailing_newline off.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
    out += source[i] == '\r' ? '\n' : source[i];
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_newlines(source)), text_(source_) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) root();
    push(TokenType::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& got, const std::string& expected = "") const {
    throw Error(fmt::format("chat template, line {}", line_), got, expected);
  }

  void push(TokenType type, std::string text) {
    tokens_.push_back({.type = type, .text = std::move(text), .line = line_});
  }

  void advance(std::size_t to) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    if (to > at_) line_starting_ = text_[to - 1] == '\n';
    at_ = to;
  }

  std::size_t after_space(std::size_t position) const {
    const std::string_view rest = text_.substr(position);
    return text_.size() - strip(rest, Side::kLeft).size();
  }

  char byte(std::size_t position) const { return position < text_.size() ? text_[position] : '\0'; }

  void root() {
    std::size_t begin = at_;
    while (true) {
      begin = text_.find('{', begin);
      if (begin == npos) break;
      const char next = byte(begin + 1);
      if (next == '{' || next == '%' || next == '#') break;
      ++begin;
    }
    if (begin == npos) {
      push(TokenType::kData, std::string(text_.substr(at_)));
      return advance(text_.size());
    }
    const char kind = text_[begin + 1];
    const char sign = byte(begin + 2) == '-' || byte(begin + 2) == '+' ? text_[begin + 2] : '\0';
    data_before(begin, sign, kind == '{' ? Tag::kVariable : Tag::kOther);
    advance(begin + 2 + (sign != '\0'));
    if (kind == '#') return comment();
    if (kind == '%' && raw()) return;
    push(kind == '{' ? TokenType::kVariableBegin : TokenType::kBlockBegin, "");
    inside(kind == '{' ? TokenType::kVariableEnd : TokenType::kBlockEnd);
  }

  enum class Tag { kVariable, kOther };

  void data_before(std::size_t end, char sign, Tag tag) {
    std::string_view data = text_.substr(at_, end - at_);
    if (sign == '-') {
      data = strip(data, Side::kRight);
    } else if (sign != '+' && tag == Tag::kOther) {
      const std::size_t newline = data.rfind('\n');
      const std::size_t line_start = newline == npos ? 0 : newline + 1;
      const bool blank = strip(data.substr(line_start), Side::kLeft).empty();
      if ((line_start > 0 || line_starting_) && blank) data = data.substr(0, line_start);
    }
    if (!data.empty()) push(TokenType::kData, std::string(data));
  }

  // The end of a tag whose closing mark (after an optional sign) stands at `mark`.
  std::size_t past_end(std::size_t mark, char sign) const {
    if (sign == '-') return after_space(mark + 2);
    return sign != '+' && byte(mark + 2) == '\n' ? mark + 3 : mark + 2;
  }

  void comment() {
    const std::size_t mark = text_.find("#}", at_);
    if (mark == npos) fail("a comment without its end", "#}");
    const char before = mark > at_ ? text_[mark - 1] : '\0';
    advance(past_end(mark, before == '-' || before == '+' ? before : '\0'));
  }

  // {% raw %} ... {% endraw %}, when that is what stands here.
  bool raw() {
    std::size_t position = after_space(at_);
    if (text_.substr(position, 3) != "raw") return false;
    position = after_space(position + 3);
    const bool strips = text_.substr(position, 3) == "-%}";
    if (!strips && text_.substr(position, 2) != "%}") return false;
    advance(strips ? after_space(position + 3) : position + 2);
    for (std::size_t begin = text_.find("{%", at_); begin != npos; begin = text_.find("{%", begin + 1)) {
      const char sign = byte(begin + 2) == '-' || byte(begin + 2) == '+' ? text_[begin + 2] : '\0';
      position = after_space(begin + 2 + (sign != '\0'));
      if (text_.substr(position, 6) != "endraw") continue;
      position = after_space(position + 6);
      const char end_sign = byte(position) == '-' || byte(position) == '+' ? text_[position] : '\0';
      const std::size_t mark = position + (end_sign != '\0');
      if (text_.substr(mark, 2) != "%}") continue;
      data_before(begin, sign, Tag::kOther);
      advance(past_end(mark, end_sign));
      return true;
    }
    fail("a raw section without its end", "{% endraw %}");
  }

  // Tokens up to and with the tag's end; closing marks inside brackets are operators.
  void inside(TokenType end) {
    const std::string_view close = end == TokenType::kVariableEnd ? "}}" : "%}";
    std::string open;
    while (at_ < text_.size()) {
      if (open.empty()) {
        const char sign = byte(at_) == '-' || (byte(at_) == '+' && end == TokenType::kBlockEnd) ? byte(at_) : '\0';
        const std::size_t mark = at_ + (sign != '\0');
        if (text_.substr(mark, 2) == close) {
          push(end, "");
          const bool keeps_newline = end == TokenType::kVariableEnd && sign == '\0';
          return advance(keeps_newline ? mark + 2 : past_end(mark, sign));
        }
      }
      if (is_space(text_.substr(at_))) {
        advance(at_ + character_bytes(text_.substr(at_)));
      } else {
        token(open);
      }
    }
    fail("a tag without its end", std::string(close));
  }

  void token(std::string& open) {
    const char c = text_[at_];
    if (is_digit(c)) return number();
    if (is_name_start(c)) return name();
    if (c == '"' || c == '\'') return string();
    constexpr std::array kLong{"//", "**", "==", "!=", ">=", "<="};
    for (const std::string_view symbol : kLong) {
      if (text_.substr(at_, 2) == symbol) return operation(symbol);
    }
    constexpr std::string_view kShort = "+-/*%~[](){}><=.:|,;";
    if (kShort.find(c) == npos)
      fail(fmt::format("the character '{}' in a tag", text_.substr(at_, character_bytes(text_.substr(at_)))));
    balance(c, open);
    operation(text_.substr(at_, 1));
  }

  void operation(std::string_view symbol) {
    push(TokenType::kOperator, std::string(symbol));
    advance(at_ + symbol.size());
  }

  void balance(char c, std::string& open) const {
    const std::size_t opening = std::string_view("([{").find(c), closing = std::string_view(")]}").find(c);
    if (opening != npos) open += ")]}"[opening];
    if (closing == npos) return;
    if (open.empty() || open.back() != c) fail(fmt::format("an unexpected '{}'", c));
    open.pop_back();
  }

  void name() {
    std::size_t end = at_;
    while (end < text_.size() && (is_name_start(text_[end]) || is_digit(text_[end])) && !is_space(text_.substr(end)))
      ++end;
    push(TokenType::kName, std::string(text_.substr(at_, end - at_)));
    advance(end);
  }

  std::size_t digits_end(std::size_t position) const {
    while (is_digit(byte(position)) || (byte(position) == '_' && is_digit(byte(position + 1)))) ++position;
    return position;
  }

  void number() {
    const std::size_t whole = digits_end(at_);
    const bool after_dot = at_ > 0 && text_[at_ - 1] == '.';
    std::size_t end = whole;
    if (byte(end) == '.' && is_digit(byte(end + 1))) end = digits_end(end + 1);
    if (byte(end) == 'e' || byte(end) == 'E') {
      const std::size_t exponent = end + 1 + (byte(end + 1) == '+' || byte(end + 1) == '-');
      if (is_digit(byte(exponent))) end = digits_end(exponent);
    }
    const bool is_float = end > whole && !after_dot;
    std::string digits(text_.substr(at_, (is_float ? end : whole) - at_));
    std::erase(digits, '_');
    push(is_float ? TokenType::kFloat : TokenType::kInteger, digits);
    if (is_float) {
      tokens_.back().number = std::strtod(digits.c_str(), nullptr);
    } else {
      const bool zeros = digits.find_first_not_of('0') == npos;
      const auto failure = std::from_chars(digits.data(), digits.data() + digits.size(), tokens_.back().integer).ec;
      if (failure != std::errc{} || (digits.front() == '0' && !zeros)) fail("the number " + digits, "a 64-bit integer");
    }
    advance(is_float ? end : whole);
  }

  void string() {
    const char quote = text_[at_];
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) fail("a string without its end", std::string(1, quote));
    push(TokenType::kString, unescape(text_.substr(at_ + 1, end - at_ - 1)));
    advance(end + 1);
  }

  std::string unescape(std::string_view literal) const {
    const auto text = decode_string_literal(literal);
    if (!text) fail("an escape in a string that is none", "\\n, \\xhh, \\uhhhh, ...");
    return *text;
  }

  const std::string source_;
  const std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

std::string describe(const Token& token) {
  switch (token.type) {
    case TokenType::kData:
      return "text";
    case TokenType::kVariableBegin:
      return "'{{'";
    case TokenType::kVariableEnd:
      return "'}}'";
    case TokenType::kBlockBegin:
      return "'{%'";
    case TokenType::kBlockEnd:
      return "'%}'";
    case TokenType::kEnd:
      return "the end of the template";
    default:
      return "'" + token.text + "'";
  }
}

}  // namespace qreason::jinja
