// UTF-8 (RFC 3629: shortest forms, no surrogates, at most U+10FFFF), and text from outside as it may stand in a
// message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace qreason {

// Bytes of the well-formed character at the front, 0 if there is none. `text` is not empty.
std::size_t utf8_character_length(std::string_view text);

// The text with whatever could steer a terminal, or is no text, written out: bytes that are not UTF-8 and control
// characters (C0, DEL, C1) as \xNN, newline, return and tab as \n, \r and \t, separators of lines and of writing
// directions (U+2028 to U+202E, U+2066 to U+2069) as \u{NNNN}. Everything else stays as it is.
std::string escaped(std::string_view text);

}  // namespace qreason
