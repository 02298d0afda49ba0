// Answers as models write them (LaTeX, plain text, or a mixture) cut into tokens. What carries no value is dropped
// here: spacing, \left and \right, math delimiters, sizes and colours.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qreason::math {

enum class TokenKind {
  kNumber,   // text: digits with at most one point, groups joined; "0.1(6)" repeats its 6, "1.5e3" is scientific
  kCommand,  // text: the name without backslash, "frac", "pi"
  kLetter,   // text: one letter, or one non-ASCII character; "vec i", "bar AB" for letters with something over them
  kText,     // text: one word
  kBased,    // text: digits of a number whose base follows as a subscript
  kSymbol,   // text: an operator or bracket; "{" and "}" are grouping, "\{" and "\}" brackets; "<=", ">=", "!="
};

struct Token {
  TokenKind kind;
  std::string text;
  bool space_before = false;  // between two numbers it tells "1 1/2" from "11/2"
};

// What a comma between digits means: "1,234" is a number or a list, "1,22" may be a European decimal.
enum class CommaReading { kGroups, kList, kDecimal };
// Whether "5 m", with the letter set apart, is five metres or five times m.
enum class LetterReading { kVariables, kUnits };

struct Reading {
  CommaReading commas = CommaReading::kGroups;
  LetterReading letters = LetterReading::kVariables;
};

inline constexpr std::size_t kMaxExpressionBytes = 4000;

inline constexpr std::string_view kLetterUnits = "msghLNJWVtlAKC";  // units of one letter
inline constexpr std::string_view kDegree = "°";                    // symbols
inline constexpr std::string_view kCurrency = "cur";                // and the name of the currency behind it

// nullopt when the text is longer than kMaxExpressionBytes or holds something unbalanced in a \text.
std::optional<std::vector<Token>> tokenize_answer(std::string_view text, Reading reading);

// Whether a comma between digits, or a letter behind a number and a space, may be read in more than one way.
bool has_digit_comma(std::string_view text);
bool has_letter_unit(std::string_view text);

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
inline bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
inline bool ends_letter(std::string_view text) {
  return !text.empty() && is_letter(text.back());
}
inline bool begins_letter(std::string_view text) {
  return !text.empty() && is_letter(text.front());
}
inline bool ends_digit(std::string_view text) {
  return !text.empty() && is_digit(text.back());
}
inline bool begins_digit(std::string_view text) {
  return !text.empty() && is_digit(text.front());
}
inline bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

}  // namespace qreason::math
