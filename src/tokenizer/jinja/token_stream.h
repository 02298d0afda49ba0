// The tokens of a template on their way through the parser.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/jinja/lexer.h"

namespace qreason::jinja {

// The tokens, with a current one.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token next();                                 // the current one; goes on to the following
  bool skip_operator(std::string_view symbol);  // true when it stood here
  bool skip_name(std::string_view name);
  void expect_operator(std::string_view symbol);
  void expect_name(std::string_view name);
  std::string expect_identifier();
  void expect(TokenType type);
  [[noreturn]] void fail(const std::string& got, const std::string& expected = "") const;
  [[noreturn]] void unexpected(const std::string& expected) const { fail(describe(current()), expected); }

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace qreason::jinja
