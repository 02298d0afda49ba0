#include "tokenizer/piece_text.h"

#include <fmt/format.h>

#include "base/error.h"
#include "tokenizer/byte_symbols.h"
#include "tokenizer/json_sections.h"
#include "tokenizer/metaspace.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

constexpr std::size_t kMostDecoders = 32;
constexpr std::int64_t kMostStripped = 16;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The parts of a Sequence, in it others too.
void list_decoders(const Json& section, const std::string& where, std::vector<Json>& parts) {
  if (json_string(section, "type", where) == "Sequence") {
    for (const Json& part : json_list(section, "decoders", where)) list_decoders(part, where, parts);
    return;
  }
  if (parts.size() >= kMostDecoders) throw Error(where, "too many decoders", fmt::format("at most {}", kMostDecoders));
  parts.push_back(section);
}

std::size_t stripped_spaces(const Json& strip, const std::string& where) {
  const std::string content = json_string(strip, "content", where);
  const std::int64_t start = json_int(strip, "start", where), stop = json_int(strip, "stop", where);
  if (content != " " || stop != 0 || start < 0 || start > kMostStripped) {
    throw Error(where, fmt::format("a Strip of {} and {} times \"{}\"", start, stop, shown(content)),
                fmt::format("of up to {} spaces at the beginning", kMostStripped));
  }
  return static_cast<std::size_t>(start);
}

}  // namespace

std::optional<unsigned char> byte_of_piece(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return std::nullopt;
  const int high = hex_digit(piece[3]), low = hex_digit(piece[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<unsigned char>(high * 16 + low);
}

std::string PieceText::bytes_of(const std::string& piece) const {
  if (spelling == Spelling::kBytes) return symbols_to_bytes(piece).value_or(piece);
  if (is_byte(piece)) return std::string(1, static_cast<char>(*byte_of_piece(piece)));
  std::string text = piece;
  for (const auto& [pattern, content] : replacements) text = replaced_text(text, pattern, content);
  return text;
}

PieceText read_decoder(const Json& section, const std::string& where) {
  if (section.is_null()) throw Error(where, "no decoder", "ByteLevel");
  std::vector<Json> parts;
  list_decoders(section, where, parts);
  if (parts.empty()) throw Error(where, "a sequence of no decoders", "ByteLevel");
  PieceText result;
  enum Stage { kReplace, kByteFallback, kFuse, kStrip } reached = kReplace;
  const auto reach = [&](Stage stage, const std::string& type) {
    const bool again = stage == reached && stage != kReplace;
    if (stage < reached || again) {
      throw Error(where, fmt::format("a decoder {} behind others", type),
                  "Replace, ByteFallback, Fuse, Strip, in order");
    }
    reached = stage;
  };
  for (const Json& part : parts) {
    const std::string type = json_string(part, "type", where);
    if (type == "ByteLevel" && parts.size() == 1) return result;
    if (type == "Replace") {
      reach(kReplace, type);
      result.replacements.emplace_back(literal_pattern(part, where), json_string(part, "content", where));
    } else if (type == "ByteFallback") {
      reach(kByteFallback, type);
      result.byte_pieces = true;
    } else if (type == "Fuse") {
      reach(kFuse, type);
    } else if (type == "Strip" && reached == kFuse) {
      reach(kStrip, type);
      result.leading_spaces = stripped_spaces(part, where);
    } else {
      throw Error(where, fmt::format("a decoder of type \"{}\"", shown(type)),
                  "ByteLevel alone, or Replace, ByteFallback, Fuse and Strip in this order");
    }
  }
  // (Without Fuse each piece is a text of its own, joined without anything between: the same.)
  result.spelling = Spelling::kCharacters;
  return result;
}

Json space_decoder(bool prefix) {
  Json parts = Json::array();
  parts.push_back({{"type", "Replace"}, {"pattern", {{"String", std::string(kSpaceMark)}}}, {"content", " "}});
  parts.push_back({{"type", "ByteFallback"}});
  parts.push_back({{"type", "Fuse"}});
  if (prefix) parts.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", std::move(parts)}};
}

}  // namespace qreason
