#include "eval/graders/code/text_compare.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace qreason {
namespace {

// The zeros of Unicode 14 (category Nd); the digits 1 to 9 follow each.
constexpr std::array<char32_t, 66> kZeros{
    0x0030,  0x0660,  0x06f0,  0x07c0,  0x0966,  0x09e6,  0x0a66,  0x0ae6,  0x0b66,  0x0be6,  0x0c66,
    0x0ce6,  0x0d66,  0x0de6,  0x0e50,  0x0ed0,  0x0f20,  0x1040,  0x1090,  0x17e0,  0x1810,  0x1946,
    0x19d0,  0x1a80,  0x1a90,  0x1b50,  0x1bb0,  0x1c40,  0x1c50,  0xa620,  0xa8d0,  0xa900,  0xa9d0,
    0xa9f0,  0xaa50,  0xabf0,  0xff10,  0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
    0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60,
    0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
};

struct Character {
  char32_t code = 0;
  std::size_t length = 0;  // in bytes
};

// The character at the front of well-formed UTF-8.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = utf8_character_length(text);
  if (length <= 1) return {byte(0), 1};
  char32_t code = byte(0) & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3fU);
  return {code, length};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// As str.isspace() has it.
bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

std::string_view stripped(std::string_view text) {
  while (!text.empty()) {
    const Character first = first_character(text);
    if (!is_space(first.code)) break;
    text.remove_prefix(first.length);
  }
  while (!text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0U) == 0x80) --begin;
    if (!is_space(first_character(text.substr(begin)).code)) break;
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (text = stripped(text);;) {
    const std::size_t end = text.find('\n');
    lines.push_back(stripped(text.substr(0, end)));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  std::size_t begin = 0, i = 0;
  const auto end_word = [&] {
    if (i > begin) words.push_back(line.substr(begin, i - begin));
  };
  while (i < line.size()) {
    const Character next = first_character(line.substr(i));
    if (is_space(next.code)) {
      end_word();
      begin = i + next.length;
    }
    i += next.length;
  }
  end_word();
  return words;
}

// A decimal in a form that equal ones share: no zeros around the digits. A NaN is not equal to itself.
struct DecimalValue {
  bool negative = false, infinite = false, nan = false;
  std::string digits;  // empty for zero
  std::int64_t exponent = 0;

  bool operator==(const DecimalValue& other) const {
    if (nan || other.nan) return false;
    if (infinite || other.infinite) return infinite == other.infinite && negative == other.negative;
    if (digits.empty() || other.digits.empty()) return digits == other.digits;
    return negative == other.negative && exponent == other.exponent && digits == other.digits;
  }
};

// The word in ASCII and lower case: digits of any script as 0 to 9, no underscores; nullopt for other letters.
std::optional<std::string> plain_word(std::string_view word) {
  std::string plain;
  while (!word.empty()) {
    const Character next = first_character(word);
    word.remove_prefix(next.length);
    if (next.code < 0x80) {
      const char c = static_cast<char>(next.code);
      if (c != '_') plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      continue;
    }
    const auto* above = std::upper_bound(kZeros.begin(), kZeros.end(), next.code);
    const char32_t value = next.code - *(above - 1);
    if (value > 9) return std::nullopt;
    plain += static_cast<char>('0' + value);
  }
  return plain;
}

bool all_digits(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<DecimalValue> special_of(std::string_view word, bool negative) {
  if (word == "inf" || word == "infinity") return DecimalValue{.negative = negative, .infinite = true};
  if (word.starts_with('s')) word.remove_prefix(1);
  if (word.starts_with("nan") && all_digits(word.substr(3))) return DecimalValue{.nan = true};
  return std::nullopt;
}

// The exponent behind the "e"; nullopt when it is no number, or beyond what Python's decimals reach.
std::optional<std::int64_t> exponent_of(std::string_view text) {
  constexpr std::int64_t kMost = 999999999999999999;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || !all_digits(text)) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (value > kMost / 10) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return negative ? -value : value;
}

std::optional<DecimalValue> decimal_of(std::string_view written) {
  const auto plain = plain_word(written);
  if (!plain) return std::nullopt;
  std::string_view word = *plain;
  DecimalValue value{.negative = word.starts_with('-')};
  if (value.negative || word.starts_with('+')) word.remove_prefix(1);
  if (auto special = special_of(word, value.negative)) return special;
  if (const std::size_t e = word.find('e'); e != std::string_view::npos) {
    const auto exponent = exponent_of(word.substr(e + 1));
    if (!exponent) return std::nullopt;
    value.exponent = *exponent;
    word = word.substr(0, e);
  }
  const std::size_t point = word.find('.');
  value.digits = std::string(word.substr(0, point));
  if (point != std::string_view::npos) {
    const std::string_view fraction = word.substr(point + 1);
    value.digits += fraction;
    value.exponent -= static_cast<std::int64_t>(fraction.size());
  }
  if (value.digits.empty() || !all_digits(value.digits)) return std::nullopt;
  value.digits.erase(0, std::min(value.digits.find_first_not_of('0'), value.digits.size()));
  while (!value.digits.empty() && value.digits.back() == '0') {
    value.digits.pop_back();
    ++value.exponent;
  }
  return value;
}

bool equal_decimals(std::string_view a, std::string_view b) {
  const auto left = words_of(a), right = words_of(b);
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const auto x = decimal_of(left[i]), y = decimal_of(right[i]);
    if (!x || !y || !(*x == *y)) return false;
  }
  return true;
}

}  // namespace

bool equal_outputs(std::string_view output, std::string_view expected) {
  if (!is_utf8(output) || !is_utf8(expected)) return false;
  const auto got = lines_of(output), wanted = lines_of(expected);
  if (got.size() != wanted.size()) return false;
  for (std::size_t i = 0; i < got.size(); ++i)
    if (got[i] != wanted[i] && !equal_decimals(got[i], wanted[i])) return false;
  return true;
}

}  // namespace qreason
