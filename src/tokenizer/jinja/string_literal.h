// String literals of templates: the escapes of Python's "unicode-escape" codec.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qreason::jinja {

// The text between the quotes, decoded; nullopt for a broken \x, \u, \U or for \N. Unknown escapes stay as they are.
std::optional<std::string> decode_string_literal(std::string_view literal);

}  // namespace qreason::jinja
