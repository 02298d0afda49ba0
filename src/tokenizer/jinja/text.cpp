#include "tokenizer/jinja/text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

namespace qreason::jinja {
namespace {

struct Decoded {
  std::int32_t code;  // -1: no valid character
  std::size_t bytes;
};

Decoded decode(std::string_view text) {
  utf8proc_int32_t code = -1;
  const auto length = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4));
  const utf8proc_ssize_t used = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), length, &code);
  return used > 0 ? Decoded{code, static_cast<std::size_t>(used)} : Decoded{-1, 1};
}

bool is_cased(std::int32_t code) {
  const utf8proc_category_t category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT;
}

bool is_letter(std::int32_t code) {
  const utf8proc_category_t category = utf8proc_category(code);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

enum class Case { kUpper, kLower };

void append_cased(std::string& out, std::string_view character, Case wanted) {
  constexpr std::int32_t kSharpS = 0xdf, kDottedCapitalI = 0x130;
  const Decoded decoded = decode(character);
  if (decoded.code < 0) {
    out += character;
  } else if (decoded.code == kSharpS && wanted == Case::kUpper) {
    out += "SS";
  } else if (decoded.code == kDottedCapitalI && wanted == Case::kLower) {
    out += "i\u0307";
  } else {
    const auto mapped = wanted == Case::kUpper ? utf8proc_toupper(decoded.code) : utf8proc_tolower(decoded.code);
    append_code_point(out, static_cast<std::uint32_t>(mapped));
  }
}

std::string map_case(std::string_view text, Case wanted) {
  std::string out;
  out.reserve(text.size());
  for (const std::string_view character : characters(text)) append_cased(out, character, wanted);
  return out;
}

bool in_set(std::string_view character, std::optional<std::string_view> set) {
  if (!set) return is_space(character);
  for (std::size_t i = 0; i < set->size(); i += character_bytes(set->substr(i))) {
    if (set->substr(i, character_bytes(set->substr(i))) == character) return true;
  }
  return false;
}

// Start of the character that ends at `end`.
std::size_t previous_character(std::string_view text, std::size_t end) {
  for (std::size_t back = 2; back <= 4 && back <= end; ++back) {
    if (character_bytes(text.substr(end - back)) == back) return end - back;
  }
  return end - 1;
}

}  // namespace

std::size_t character_bytes(std::string_view text) {
  return static_cast<unsigned char>(text.front()) < 0x80 ? 1 : decode(text).bytes;
}

std::int64_t character_count(std::string_view text) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < text.size(); i += character_bytes(text.substr(i))) ++count;
  return count;
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> result;
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    result.push_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return result;
}

bool is_space(std::string_view character) {
  const std::int32_t code = decode(character).code;
  return (code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x20) || code == 0x85 || code == 0xa0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f ||
         code == 0x205f || code == 0x3000;
}

std::string_view strip(std::string_view text, Side side, std::optional<std::string_view> set) {
  while (side != Side::kRight && !text.empty()) {
    const std::size_t bytes = character_bytes(text);
    if (!in_set(text.substr(0, bytes), set)) break;
    text.remove_prefix(bytes);
  }
  while (side != Side::kLeft && !text.empty()) {
    const std::size_t start = previous_character(text, text.size());
    if (!in_set(text.substr(start), set)) break;
    text = text.substr(0, start);
  }
  return text;
}

std::size_t find_bytes(std::string_view text, std::string_view part, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* found = ::memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::string replace(std::string_view text, std::string_view from, std::string_view to, std::int64_t count) {
  std::string out;
  if (from.empty()) {
    for (const std::string_view character : characters(text)) {
      if (count != 0) out += to, --count;
      out += character;
    }
    if (count != 0) out += to;
    return out;
  }
  std::size_t position = 0;
  for (; count != 0; --count) {
    const std::size_t found = find_bytes(text, from, position);
    if (found == std::string_view::npos) break;
    out.append(text.substr(position, found - position)).append(to);
    position = found + from.size();
  }
  return out.append(text.substr(position));
}

std::int64_t count_matches(std::string_view text, std::string_view part) {
  if (part.empty()) return character_count(text) + 1;
  std::int64_t count = 0;
  for (std::size_t at = find_bytes(text, part); at != std::string_view::npos; ++count) {
    at = find_bytes(text, part, at + part.size());
  }
  return count;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator, std::int64_t limit) {
  std::vector<std::string_view> pieces;
  std::size_t position = 0;
  for (; limit != 0; --limit) {
    const std::size_t found = find_bytes(text, separator, position);
    if (found == std::string_view::npos) break;
    pieces.push_back(text.substr(position, found - position));
    position = found + separator.size();
  }
  pieces.push_back(text.substr(position));
  return pieces;
}

std::vector<std::string_view> split_space(std::string_view text, std::int64_t limit) {
  std::vector<std::string_view> pieces;
  text = strip(text, Side::kLeft);
  while (!text.empty() && limit != 0) {
    std::size_t end = 0;
    while (end < text.size() && !is_space(text.substr(end))) end += character_bytes(text.substr(end));
    pieces.push_back(text.substr(0, end));
    text = strip(text.substr(end), Side::kLeft);
    --limit;
  }
  if (!text.empty()) pieces.push_back(text);
  return pieces;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::int32_t code = decode(text.substr(i)).code;
    const bool ends = (code >= 0x0a && code <= 0x0d) || (code >= 0x1c && code <= 0x1e) || code == 0x85 ||
                      code == 0x2028 || code == 0x2029;
    const std::size_t next = i + character_bytes(text.substr(i));
    if (ends) {
      lines.push_back(text.substr(start, i - start));
      start = code == '\r' && text.substr(next).starts_with('\n') ? next + 1 : next;
    }
    i = ends ? start : next;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

std::string upper(std::string_view text) {
  return map_case(text, Case::kUpper);
}

std::string lower(std::string_view text) {
  return map_case(text, Case::kLower);
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return "";
  const std::size_t bytes = character_bytes(text);
  return upper(text.substr(0, bytes)) + lower(text.substr(bytes));
}

std::string title(std::string_view text) {
  std::string out;
  bool in_word = false;
  for (const std::string_view character : characters(text)) {
    append_cased(out, character, in_word ? Case::kLower : Case::kUpper);
    in_word = is_cased(decode(character).code);
  }
  return out;
}

std::string title_words(std::string_view text) {
  std::string out;
  bool in_word = false;
  for (const std::string_view character : characters(text)) {
    append_cased(out, character, in_word ? Case::kLower : Case::kUpper);
    in_word = !is_space(character) && std::string_view("-({[<").find(character) == std::string_view::npos;
  }
  return out;
}

bool all_cased(std::string_view text, Letters letters) {
  const utf8proc_category_t wanted = letters == Letters::kUpper ? UTF8PROC_CATEGORY_LU : UTF8PROC_CATEGORY_LL;
  bool any = false;
  for (const std::string_view character : characters(text)) {
    const std::int32_t code = decode(character).code;
    if (!is_cased(code)) continue;
    if (utf8proc_category(code) != wanted) return false;
    any = true;
  }
  return any;
}

bool all_of_class(std::string_view text, CharacterClass wanted) {
  for (const std::string_view character : characters(text)) {
    const std::int32_t code = decode(character).code;
    const bool digit = utf8proc_category(code) == UTF8PROC_CATEGORY_ND;
    const bool letter = code >= 0 && is_letter(code);
    if (!((digit && wanted != CharacterClass::kLetter) || (letter && wanted != CharacterClass::kDigit))) return false;
  }
  return !text.empty();
}

bool is_printable(std::string_view character) {
  const std::int32_t code = decode(character).code;
  if (code == ' ') return true;
  const utf8proc_category_t category = utf8proc_category(code);
  return code >= 0 && category != UTF8PROC_CATEGORY_CN && category < UTF8PROC_CATEGORY_ZS;
}

std::uint32_t code_point(std::string_view character) {
  const Decoded decoded = decode(character);
  return decoded.code < 0 ? static_cast<unsigned char>(character.front()) : static_cast<std::uint32_t>(decoded.code);
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const Decoded decoded = decode(text.substr(i));
    if (decoded.code < 0) return false;
    i += decoded.bytes;
  }
  return true;
}

void append_code_point(std::string& text, std::uint32_t code) {
  const bool valid = code < 0xd800 || (code > 0xdfff && code <= 0x10ffff);
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(valid ? static_cast<utf8proc_int32_t>(code) : 0xfffd, bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

}  // namespace qreason::jinja
