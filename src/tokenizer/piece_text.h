// From the pieces of a vocabulary to the text that they spell: the decoder section of tokenizer.json.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace qreason {

// What a vocabulary spells its pieces in: bytes, by GPT-2's symbols (byte_symbols.h), or characters (metaspace.h).
enum class Spelling { kBytes, kCharacters };

// The byte of a piece "<0x0A>", in which SentencePiece spells the bytes of characters that it has no token for.
std::optional<unsigned char> byte_of_piece(std::string_view piece);

struct PieceText {
  Spelling spelling = Spelling::kBytes;
  // Of characters:
  std::vector<std::pair<std::string, std::string>> replacements{};  // texts and what stands for them, in order
  bool byte_pieces = false;        // pieces "<0x0A>" are bytes; a run of them is text if all of it is UTF-8
  std::size_t leading_spaces = 0;  // a text loses at most so many at its beginning

  // The bytes that a piece stands for, alone.
  std::string bytes_of(const std::string& piece) const;
  bool is_byte(std::string_view piece) const { return byte_pieces && byte_of_piece(piece).has_value(); }
};
// ByteLevel, or Replace, ByteFallback, Fuse and Strip in this order, those that are there. Another is an Error.
PieceText read_decoder(const Json& section, const std::string& where);

// The decoder of SentencePiece's vocabularies. `prefix`: the space is stripped that was put before a text.
Json space_decoder(bool prefix);

}  // namespace qreason
