#include "base/utf8.h"

#include <fmt/format.h>

#include <iterator>

namespace qreason {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

void append_bytes(std::string& out, std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte_at(bytes, i));
}

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  control ? append_bytes(out, {&c, 1}) : out.push_back(c);
}

// Of the characters with three bytes, those that end a line or turn the direction of the text round.
bool is_separator(unsigned codepoint) {
  return (codepoint >= 0x2028 && codepoint <= 0x202E) || (codepoint >= 0x2066 && codepoint <= 0x2069);
}

}  // namespace

// Unicode standard, table 3-7.
std::size_t utf8_character_length(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte_at(text, 1) < low || byte_at(text, 1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte_at(text, i) < 0x80 || byte_at(text, i) > 0xBF) return 0;
  }
  return length;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_character_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    text.remove_prefix(character.size());
    if (length == 1) {
      append_ascii(out, character[0]);
    } else if (length == 0 || (length == 2 && byte_at(character, 0) == 0xC2 && byte_at(character, 1) < 0xA0)) {
      append_bytes(out, character);
    } else if (length == 3) {
      const unsigned codepoint =
          (byte_at(character, 0) & 0xF) << 12 | (byte_at(character, 1) & 0x3F) << 6 | (byte_at(character, 2) & 0x3F);
      out += is_separator(codepoint) ? fmt::format("\\u{{{:x}}}", codepoint) : std::string(character);
    } else {
      out += character;
    }
  }
  return out;
}

}  // namespace qreason
