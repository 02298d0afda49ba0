#include "tokenizer/jinja/string_literal.h"

#include <charconv>
#include <cstdint>

#include "tokenizer/jinja/text.h"

namespace qreason::jinja {
namespace {

constexpr std::string_view kSimple = "\\'\"abfnrtv";
constexpr std::string_view kMeaning = "\\'\"\a\b\f\n\r\t\v";

struct Digits {
  std::size_t count;
  int base;
};

std::optional<std::uint32_t> read(std::string_view text, Digits digits) {
  if (text.size() < digits.count) return std::nullopt;
  std::uint32_t code = 0;
  const char* end = text.data() + digits.count;
  const auto result = std::from_chars(text.data(), end, code, digits.base);
  if (result.ec != std::errc{} || result.ptr != end || code > 0x10ffff) return std::nullopt;
  return code;
}

}  // namespace

std::optional<std::string> decode_string_literal(std::string_view literal) {
  std::string out;
  while (!literal.empty()) {
    if (literal[0] != '\\' || literal.size() == 1) {
      out += literal[0];
      literal.remove_prefix(1);
      continue;
    }
    const char kind = literal[1];
    literal.remove_prefix(2);
    const std::size_t simple = kSimple.find(kind);
    if (simple != std::string_view::npos) {
      out += kMeaning[simple];
    } else if (kind == 'x' || kind == 'u' || kind == 'U') {
      const std::size_t count = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
      const auto code = read(literal, {.count = count, .base = 16});
      if (!code) return std::nullopt;
      append_code_point(out, *code);
      literal.remove_prefix(count);
    } else if (kind >= '0' && kind <= '7') {
      std::size_t count = 0;
      std::uint32_t code = static_cast<std::uint32_t>(kind - '0');
      for (; count < 2 && count < literal.size() && literal[count] >= '0' && literal[count] <= '7'; ++count) {
        code = code * 8 + static_cast<std::uint32_t>(literal[count] - '0');
      }
      append_code_point(out, code);
      literal.remove_prefix(count);
    } else if (kind == 'N') {
      return std::nullopt;
    } else if (kind != '\n') {  // a backslash before a newline joins the lines
      out += '\\';
      out += kind;
    }
  }
  return out;
}

}  // namespace qreason::jinja
