// Answers as texts, for what has no value: words, functions without values, what does not parse.
#pragma once

#include <string>
#include <string_view>

namespace qreason::math {

// The tokens of a text without spacing, \left and the like, and without braces that hold one token. Everything that is
// structure stays: "2^{n-1}" is not "2^{n}-1", "2^{1}0" not "2^{10}".
std::string normalized_text(std::string_view text);

// The same tokens; in words neither case nor spacing matters.
bool same_text_form(std::string_view gold, std::string_view answer);

}  // namespace qreason::math
