// UTF-8 and the few Unicode properties that byte-level tokenizers look at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

// What the pre-tokenization patterns tell apart. White space is Unicode's White_Space; \r and \n stand alone.
enum class CharClass : std::uint8_t { kOther = 0, kLetter = 1, kNumber = 2, kSpace = 3, kNewline = 4 };

// One byte a code point: the CharClass in the low three bits, kNfcSensitiveBit above them.
class UnicodeTable {
 public:
  static const UnicodeTable& instance();

  CharClass char_class(char32_t codepoint) const { return static_cast<CharClass>(properties_[codepoint] & 7); }
  // True for characters that NFC may change, reorder or join with the one before.
  bool nfc_sensitive(char32_t codepoint) const { return (properties_[codepoint] & kNfcSensitiveBit) != 0; }

 private:
  static constexpr std::uint8_t kNfcSensitiveBit = 8;
  UnicodeTable();
  std::vector<std::uint8_t> properties_;
};

// What is counted as a word character where an added token wants to stand alone (\w of the regex crate).
bool is_word_character(char32_t codepoint);
inline bool is_white_space(char32_t codepoint) {
  const CharClass c = UnicodeTable::instance().char_class(codepoint);
  return c == CharClass::kSpace || c == CharClass::kNewline;
}

struct DecodedChar {
  char32_t codepoint;
  std::uint32_t length;
};

// The character that starts at `text` in UTF-8 already known to be valid.
inline DecodedChar decode_valid(const char* text) {
  const auto byte = [text](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

// The character that ends just before `position` (> 0) of valid UTF-8.
DecodedChar decode_valid_before(std::string_view text, std::size_t position);

void append_utf8(std::string& text, char32_t codepoint);

// The longest valid prefix: its length, and whether what follows is cut short (could still become a character).
struct Utf8Prefix {
  std::size_t length;
  bool ascii;  // all of the prefix is ASCII
};
Utf8Prefix valid_utf8_prefix(std::string_view text);

// Invalid sequences become one U+FFFD for each maximal subpart (Unicode 3.9, what Rust's from_utf8_lossy does).
std::string utf8_lossy(std::string_view bytes);

// The start of a text from outside as messages show it: 60 bytes at most, one line.
std::string shown(std::string_view text);

// How many bytes at the end are the start of a character that is not finished yet (0 to 3).
std::size_t unfinished_utf8_tail(std::string_view bytes);

// Canonical composition of valid UTF-8. Returns `text` itself when it is composed already, else a view of `buffer`.
std::string_view to_nfc(std::string_view text, std::string& buffer);

}  // namespace qreason
