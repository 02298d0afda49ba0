// Days of the calendar in answers: "May 5", "5 May 2020", "2020-05-06". They are no numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qreason::math {

// The day that the whole of `text` names, the same for every way to write it: "5-5", "5-6-2020" (month, day, year as
// far as they are said). nullopt: no date.
std::optional<std::string> date_of(std::string_view text);

}  // namespace qreason::math
