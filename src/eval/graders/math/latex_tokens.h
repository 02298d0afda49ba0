// Answers as models write them (LaTeX, plain text, or a mixture) cut into tokens. What carries no value is dropped
// here: spacing, \left and \right, math delimiters, degrees, currency signs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qreason::math {

enum class TokenKind {
  kNumber,   // text: digits with at most one point, digit groups joined
  kCommand,  // text: the name without backslash, "frac", "pi"
  kLetter,   // text: one letter, or one non-ASCII character
  kText,     // text: a word or the content of \text{...}, trimmed
  kSymbol,   // text: an operator or bracket; "{" and "}" are grouping, "\{" and "\}" brackets; "<=", ">=", "!="
};

struct Token {
  TokenKind kind;
  std::string text;
  bool space_before = false;  // between two numbers it tells "1 1/2" from "11/2"
};

// What a comma between digits means: "1,234" is a number or a list, "1,22" may be a European decimal.
enum class CommaReading { kGroups, kList, kDecimal };

inline constexpr std::size_t kMaxExpressionBytes = 4000;

inline constexpr std::string_view kDegree = "°";  // a symbol: says nothing but in the argument of a function

// nullopt when the text is longer than kMaxExpressionBytes or holds something unbalanced in a \text.
std::optional<std::vector<Token>> tokenize_answer(std::string_view text, CommaReading commas);

// Whether a comma between digits occurs, so that more than one reading is possible.
bool has_digit_comma(std::string_view text);

// Word classes, lower case.
bool is_unit_word(std::string_view word);
bool is_function_name(std::string_view word);

}  // namespace qreason::math
