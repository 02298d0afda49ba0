#include "tokenizer/jinja/token_stream.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason::jinja {

Token TokenStream::next() {
  return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_];
}

bool TokenStream::skip_operator(std::string_view symbol) {
  if (!current().is_operator(symbol)) return false;
  next();
  return true;
}

bool TokenStream::skip_name(std::string_view name) {
  if (!current().is_name(name)) return false;
  next();
  return true;
}

void TokenStream::expect_operator(std::string_view symbol) {
  if (!skip_operator(symbol)) unexpected(fmt::format("'{}'", symbol));
}

void TokenStream::expect_name(std::string_view name) {
  if (!skip_name(name)) unexpected(fmt::format("'{}'", name));
}

std::string TokenStream::expect_identifier() {
  if (current().type != TokenType::kName) unexpected("a name");
  return next().text;
}

void TokenStream::expect(TokenType type) {
  if (current().type != type) unexpected(describe({.type = type, .text = ""}));
  next();
}

void TokenStream::fail(const std::string& got, const std::string& expected) const {
  throw Error(fmt::format("chat template, line {}", current().line), got, expected);
}

}  // namespace qreason::jinja
