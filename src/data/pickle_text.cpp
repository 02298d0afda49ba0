#include "data/pickle_text.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "data/utf8.h"

namespace qreason {
namespace {

constexpr char kProtocol = '\x80', kFrame = '\x95', kShortText = '\x8c', kLongText = '\x8d', kMemoize = '\x94';
constexpr int kNewestProtocol = 5;

void append_utf8(std::uint32_t code, std::string& text) {
  if (code < 0x80) {
    text += static_cast<char>(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr std::array<std::uint32_t, 4> kLead{0, 0xc0, 0xe0, 0xf0};
  text += static_cast<char>(kLead[static_cast<std::size_t>(more)] | code >> (6 * more));
  for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80U | (code >> (6 * i) & 0x3fU));
}

// Python's raw_unicode_escape: Latin-1, but for \uXXXX and \UXXXXXXXX behind an odd number of backslashes.
std::string decode_raw_escapes(std::string_view line, const std::string& where) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool escape = line[i] == '\\' && i + 1 < line.size() && (line[i + 1] == 'u' || line[i + 1] == 'U');
    if (!escape) {
      append_utf8(static_cast<unsigned char>(line[i]), text);
      if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '\\') text += line[++i];
      continue;
    }
    const std::string_view digits = line.substr(i + 2, line[i + 1] == 'u' ? 4 : 8);
    std::uint32_t code = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (failure != std::errc() || end != digits.data() + digits.size() || digits.size() < 4 || code > 0x10ffff)
      throw Error(where, "a pickle with a damaged escape", "\\uXXXX");
    append_utf8(code, text);
    i += 1 + digits.size();
  }
  return text;
}

class Walker {
 public:
  Walker(std::string_view pickle, const std::string& where) : rest_(pickle), where_(where) {}

  std::string text() {
    std::optional<std::string> found;
    for (;;) {
      const char opcode = take(1)[0];
      if (opcode == '.') break;
      if (is_text(opcode)) {
        if (found) throw Error(where_, "a pickle of more than one text", "one");
        found = text_of(opcode);
      } else {
        pass(opcode, found.has_value());
      }
    }
    if (!rest_.empty()) throw Error(where_, fmt::format("{} bytes behind the end of a pickle", rest_.size()), "none");
    if (!found) throw Error(where_, "a pickle of nothing", "a text");
    require_utf8(*found, where_);
    return *std::move(found);
  }

 private:
  static bool is_text(char opcode) {
    return opcode == 'V' || opcode == 'X' || opcode == kShortText || opcode == kLongText;
  }

  std::string text_of(char opcode) {
    if (opcode == 'V') return decode_raw_escapes(line(), where_);
    return std::string(take(number(opcode == 'X' ? 4 : opcode == kShortText ? 1 : 8)));
  }

  // What says nothing of the value; memos only behind it.
  void pass(char opcode, bool found) {
    if (opcode == kProtocol) {
      if (const auto version = number(1); version > kNewestProtocol)
        throw Error(where_, fmt::format("a pickle of protocol {}", version), "at most 5");
    } else if (opcode == kFrame) {
      if (const auto size = number(8); size > rest_.size())
        throw Error(where_, fmt::format("a pickle with a frame of {} bytes", size), fmt::format("{}", rest_.size()));
    } else if (found && opcode == kMemoize) {
      return;
    } else if (found && (opcode == 'q' || opcode == 'r')) {
      take(opcode == 'q' ? 1 : 4);
    } else if (found && opcode == 'p') {
      line();
    } else {
      throw Error(where_, fmt::format("a pickle with the opcode 0x{:02x}", static_cast<unsigned char>(opcode)),
                  "one text; nothing else is ever unpickled");
    }
  }

  std::string_view take(std::uint64_t count) {
    if (count > rest_.size())
      throw Error(where_, fmt::format("a pickle that ends {} bytes too early", count - rest_.size()), "a whole one");
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::uint64_t number(int bytes) {
    std::uint64_t value = 0;
    int shift = 0;
    for (const char byte : take(static_cast<std::uint64_t>(bytes))) {
      value |= std::uint64_t{static_cast<unsigned char>(byte)} << shift;
      shift += 8;
    }
    return value;
  }

  std::string_view line() {
    const std::string_view found = take(std::min(rest_.find('\n'), rest_.size()));
    take(1);
    return found;
  }

  std::string_view rest_;
  const std::string& where_;
};

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

class Inflater {
 public:
  Inflater() : works_(::inflateInit(&stream_) == Z_OK) {}
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::string whole(std::string_view packed, const std::string& where) {
    std::string text;
    std::array<char, 65536> block;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    for (int code = works_ ? Z_OK : Z_MEM_ERROR; code != Z_STREAM_END;) {
      stream_.next_out = reinterpret_cast<Bytef*>(block.data());
      stream_.avail_out = static_cast<uInt>(block.size());
      if (code == Z_OK) code = ::inflate(&stream_, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END) throw Error(where, "a damaged or cut zlib stream", "a whole one");
      text.append(block.data(), block.size() - stream_.avail_out);
      if (text.size() > kMostDecodedText)
        throw Error(where, fmt::format("more than {} MB when unpacked", kMostDecodedText >> 20), "less");
    }
    if (stream_.avail_in != 0) throw Error(where, "bytes behind the end of a zlib stream", "none");
    return text;
  }

 private:
  z_stream stream_{};
  bool works_;
};

}  // namespace

std::string unpickle_text(std::string_view pickle, const std::string& where) {
  return Walker(pickle, where).text();
}

std::string decode_base64(std::string_view text, const std::string& where) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  if (text.size() % 4 != 0) throw Error(where, fmt::format("{} characters of base64", text.size()), "a multiple of 4");
  text.remove_suffix(padding);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) throw Error(where, "a character that is not of base64", "letters, digits, + and /");
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xffU);
  }
  return bytes;
}

std::string inflate_zlib(std::string_view packed, const std::string& where) {
  if (packed.size() > kMostDecodedText) throw Error(where, "a zlib stream above the limit", "less than 256 MB");
  return Inflater().whole(packed, where);
}

}  // namespace qreason
