// Names from a file as they may stand in a one-line message.
#pragma once

#include <string>
#include <string_view>

namespace qreason {

// Control characters, quotes and bytes beyond ASCII become '?', long names end in "...".
std::string shown_name(std::string_view name);

}  // namespace qreason
