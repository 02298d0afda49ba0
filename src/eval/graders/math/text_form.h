// Answers as texts: for what has no value that can be compared.
#pragma once

#include <string>
#include <string_view>

namespace qreason::math {

// Token by token, braces kept where they group something; empty when nothing is left. In words (three letters or more)
// neither case matters nor how they were cut.
std::string normalized_text(std::string_view text);
bool is_empty_text(std::string_view text);

}  // namespace qreason::math
