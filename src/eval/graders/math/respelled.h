// Spellings of whole answers that are rewritten before they are cut into tokens.
#pragma once

#include <string>
#include <string_view>

namespace qreason::math {

// "(1011)_2", "1011 in base 2", "\text{1011 (base two)}" as "1011_{2}"; "2{.}5" as "2.5"; `latex` where there is
// nothing of the kind.
std::string respelled(std::string latex);

}  // namespace qreason::math
