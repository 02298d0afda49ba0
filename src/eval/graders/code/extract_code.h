// The program in a model's answer.
#pragma once

#include <string>
#include <string_view>

namespace qreason {

// The last fenced block behind the last "</think>", one labelled as Python before others; without the fence's indent.
// Empty when no block is closed.
std::string extract_code(std::string_view text);

}  // namespace qreason
