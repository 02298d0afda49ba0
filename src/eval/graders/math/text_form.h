// Answers as texts: for what has no value that can be compared.
#pragma once

#include <string>
#include <string_view>

namespace qreason::math {

// Token by token, braces kept where they group something; empty when nothing is left. In words
// neither case matters (word_form) nor how they were cut.
std::string normalized_text(std::string_view text);
bool is_empty_text(std::string_view text);
// A word as it is compared: in lower case, unless its case may tell it from another ("MeV", "CO", "Aa").
std::string word_form(std::string_view word);

}  // namespace qreason::math
