// Symbols of units with a prefix of the SI, which the table of units (words.cpp) does not name: "mPa", "MJ", "kWh".
#pragma once

#include <optional>
#include <string_view>

#include "eval/graders/math/words.h"

namespace qreason::math {

// The case counts: "mW" is not "MW".
std::optional<Unit> prefixed_unit(std::string_view word);

}  // namespace qreason::math
