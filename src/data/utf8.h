// The check that text from outside is UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace qreason {

// Whether the bytes are well-formed UTF-8 (RFC 3629: shortest forms, no surrogates, at most U+10FFFF).
bool is_utf8(std::string_view text);

// An Error naming `where` and the byte offset when they are not.
void require_utf8(std::string_view text, const std::string& where);

}  // namespace qreason
