// Takes a template apart into tokens, with Jinja's treatment of white space as Hugging Face sets it: trim_blocks and
// lstrip_blocks on, one newline at the end dropped, all newlines "\n".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qreason::jinja {

enum class TokenType {
  kData,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kInteger,
  kFloat,
  kString,
  kOperator,
  kEnd
};

struct Token {
  TokenType type;
  std::string text;  // data, name, decoded string, operator
  int line = 1;
  std::int64_t integer = 0;
  double number = 0;

  bool is_operator(std::string_view symbol) const { return type == TokenType::kOperator && text == symbol; }
  bool is_name(std::string_view name) const { return type == TokenType::kName && text == name; }
};

// The last token is kEnd. Errors name the line.
std::vector<Token> tokenize(std::string_view source);

// How messages call a token: "'endif'", "end of template".
std::string describe(const Token& token);

}  // namespace qreason::jinja
