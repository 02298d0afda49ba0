#include "tokenizer/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace qreason {
namespace {

struct CodepointRange {
  char32_t first, last;
};

#include "tokenizer/unicode_ranges.inc"

constexpr CodepointRange kSpaces[] = {{0x9, 0x9},       {0xB, 0xC},       {0x20, 0x20},     {0x85, 0x85},
                                      {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029},
                                      {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

// One step of Unicode's Table 3-7 over bytes that begin with a non-ASCII one.
struct SequenceScan {
  std::size_t length;  // of the character, or of the maximal subpart that is none
  enum { kValid, kInvalid, kCutShort } state;
};

SequenceScan scan_sequence(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = at(0);
  std::size_t needed = 0;
  unsigned char low = 0x80, high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    needed = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    needed = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    needed = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return {1, SequenceScan::kInvalid};
  }
  if (bytes.size() < 2) return {1, SequenceScan::kCutShort};
  if (at(1) < low || at(1) > high) return {1, SequenceScan::kInvalid};
  for (std::size_t i = 2; i < needed; ++i) {
    if (bytes.size() == i) return {i, SequenceScan::kCutShort};
    if (!is_continuation(at(i))) return {i, SequenceScan::kInvalid};
  }
  return {needed, SequenceScan::kValid};
}

std::size_t ascii_run(std::string_view text, std::size_t position) {
  while (position + 8 <= text.size()) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + position, 8);
    if ((word & 0x8080808080808080u) != 0) break;
    position += 8;
  }
  while (position < text.size() && static_cast<unsigned char>(text[position]) < 0x80) ++position;
  return position;
}

}  // namespace

UnicodeTable::UnicodeTable() : properties_(0x110000, 0) {
  const auto set_class = [&](const auto& ranges, CharClass value) {
    for (const CodepointRange& range : ranges) {
      for (char32_t c = range.first; c <= range.last; ++c) properties_[c] = static_cast<std::uint8_t>(value);
    }
  };
  set_class(kLetters, CharClass::kLetter);
  set_class(kNumbers, CharClass::kNumber);
  set_class(kSpaces, CharClass::kSpace);
  properties_['\n'] = properties_['\r'] = static_cast<std::uint8_t>(CharClass::kNewline);
  for (const CodepointRange& range : kNfcSensitive) {
    for (char32_t c = range.first; c <= range.last; ++c) properties_[c] |= kNfcSensitiveBit;
  }
}

const UnicodeTable& UnicodeTable::instance() {
  static const UnicodeTable table;
  return table;
}

bool is_word_character(char32_t codepoint) {
  if (UnicodeTable::instance().char_class(codepoint) == CharClass::kLetter) return true;
  if (codepoint == 0x200C || codepoint == 0x200D) return true;  // Join_Control
  if ((codepoint >= 0x24B6 && codepoint <= 0x24E9) || (codepoint >= 0x1F130 && codepoint <= 0x1F149) ||
      (codepoint >= 0x1F150 && codepoint <= 0x1F169) || (codepoint >= 0x1F170 && codepoint <= 0x1F189)) {
    return true;  // Other_Alphabetic symbols
  }
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(codepoint))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

DecodedChar decode_valid_before(std::string_view text, std::size_t position) {
  std::size_t start = position - 1;
  while (start > 0 && is_continuation(static_cast<unsigned char>(text[start]))) --start;
  return decode_valid(text.data() + start);
}

void append_utf8(std::string& text, char32_t codepoint) {
  const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (codepoint < 0x80) {
    put(codepoint);
  } else if (codepoint < 0x800) {
    put(0xC0 | codepoint >> 6);
    put(0x80 | (codepoint & 0x3F));
  } else if (codepoint < 0x10000) {
    put(0xE0 | codepoint >> 12);
    put(0x80 | (codepoint >> 6 & 0x3F));
    put(0x80 | (codepoint & 0x3F));
  } else {
    put(0xF0 | codepoint >> 18);
    put(0x80 | (codepoint >> 12 & 0x3F));
    put(0x80 | (codepoint >> 6 & 0x3F));
    put(0x80 | (codepoint & 0x3F));
  }
}

Utf8Prefix valid_utf8_prefix(std::string_view text) {
  std::size_t position = 0;
  bool ascii = true;
  while (true) {
    position = ascii_run(text, position);
    if (position == text.size()) return {position, ascii};
    const SequenceScan scan = scan_sequence(text.substr(position));
    if (scan.state != SequenceScan::kValid) return {position, ascii};
    ascii = false;
    position += scan.length;
  }
}

std::string utf8_lossy(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t valid = valid_utf8_prefix(bytes).length;
    text.append(bytes.substr(0, valid));
    bytes.remove_prefix(valid);
    if (bytes.empty()) break;
    text.append("\xEF\xBF\xBD");
    bytes.remove_prefix(scan_sequence(bytes).length);
  }
  return text;
}

std::size_t unfinished_utf8_tail(std::string_view bytes) {
  for (std::size_t tail = 1; tail <= 3 && tail <= bytes.size(); ++tail) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - tail]);
    if (is_continuation(byte)) continue;
    if (byte < 0x80) return 0;
    const SequenceScan scan = scan_sequence(bytes.substr(bytes.size() - tail));
    return scan.state == SequenceScan::kCutShort && scan.length == tail ? tail : 0;
  }
  return 0;
}

std::string shown(std::string_view text) {
  std::string start = utf8_lossy(text.substr(0, 60));
  std::replace_if(
      start.begin(), start.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
  return start;
}

namespace {

void append_composed(std::string& out, std::string_view region) {
  utf8proc_uint8_t* composed = nullptr;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  const utf8proc_ssize_t length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(region.data()),
                                               static_cast<utf8proc_ssize_t>(region.size()), &composed, options);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
  if (length < 0) throw Error("NFC", utf8proc_errmsg(length), "valid text");
  out.append(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(length));
}

// utf8proc knows marks that are younger than the table; those are plain here, they stay where they are.
bool is_younger_mark(std::string_view text, std::size_t position) {
  const auto codepoint = static_cast<utf8proc_int32_t>(decode_valid(text.data() + position).codepoint);
  return utf8proc_get_property(codepoint)->combining_class != 0;
}

}  // namespace

// Only a sensitive character can change, or change what stands before it; so text between one plain character and the
// next plain one is a region of its own, and everything else is copied.
std::string_view to_nfc(std::string_view text, std::string& buffer) {
  const UnicodeTable& table = UnicodeTable::instance();
  std::size_t copied = 0;  // text before it is in the buffer already
  std::size_t plain = 0;   // where the latest plain character starts
  std::size_t position = 0;
  bool changed = false;
  while (position < text.size()) {
    const DecodedChar current = decode_valid(text.data() + position);
    if (!table.nfc_sensitive(current.codepoint)) {
      plain = position;
      position += current.length;
      continue;
    }
    std::size_t end = position;
    while (end < text.size()) {
      const DecodedChar next = decode_valid(text.data() + end);
      if (!table.nfc_sensitive(next.codepoint)) break;
      end += next.length;
    }
    if (!changed) buffer.clear();
    changed = true;
    if (plain < position && is_younger_mark(text, plain)) plain = position;
    buffer.append(text.substr(copied, plain - copied));
    append_composed(buffer, text.substr(plain, end - plain));
    copied = plain = position = end;
  }
  if (!changed) return text;
  buffer.append(text.substr(copied));
  return buffer;
}

}  // namespace qreason
