// Numbers in running text.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "eval/graders/math/surroundings.h"

namespace qreason::math {

// Numbers with sign, groups, point, exponent, a fraction behind and a percent sign; not digits inside a word. The first
// `most` of them.
std::vector<Found> find_numbers(std::string_view text, std::size_t most);

// The numbers of the last line that has any: none crosses lines or looks back over one.
std::vector<Found> last_numbers(std::string_view text);

}  // namespace qreason::math
