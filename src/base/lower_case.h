// Letters of ASCII in lower case, all other bytes as they are.
#pragma once

#include <string>
#include <string_view>

namespace qreason {

std::string lower_case(std::string_view text);

}  // namespace qreason
