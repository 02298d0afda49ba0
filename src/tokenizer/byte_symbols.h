// GPT-2's bijection between bytes and printable characters, in which byte-level vocabularies are spelled ("Ġthe").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qreason {

// The character (as UTF-8) that stands for `byte`.
std::string_view symbol_of_byte(unsigned char byte);

// Spells bytes as a vocabulary does.
std::string bytes_to_symbols(std::string_view bytes);

// The bytes that a spelling stands for; nullopt when a character of it stands for no byte. `spelling` is valid UTF-8.
std::optional<std::string> symbols_to_bytes(std::string_view spelling);

}  // namespace qreason
