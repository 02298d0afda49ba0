#pragma once

#include <string_view>

namespace qreason::math {

// Separated by spaces, sorted.
extern const std::string_view kPluralNouns;

}  // namespace qreason::math
