// Texts that the user names: a file, or "-" for what comes through standard input.
#pragma once

#include <cstdint>
#include <string>

namespace qreason {

// "standard input" for "-", else the path: for messages.
std::string text_input_name(const std::string& path);

// The whole text. Errors naming it: more than `limit` bytes (before they are held), bytes that are not UTF-8, and those
// of reading. Standard input can be read once.
std::string read_text_input(const std::string& path, std::uint64_t limit = std::uint64_t{1} << 30);

}  // namespace qreason
