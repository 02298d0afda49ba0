// Answers as texts: for what has no value that can be compared.
#pragma once

#include <string>
#include <string_view>

namespace qreason::math {

// Token by token, braces kept where they group something; empty when nothing is left.
std::string normalized_text(std::string_view text);
bool is_empty_text(std::string_view text);

// The same normal form. In words (three letters or more, all of one word token each) neither case matters nor how they
// were cut.
bool same_text_form(std::string_view gold, std::string_view answer);

}  // namespace qreason::math
