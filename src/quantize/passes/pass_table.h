// The table of passes by the name that recipe files use.
#pragma once

#include <string>
#include <vector>

#include "quantize/pass.h"

namespace qreason {

std::vector<std::string> pass_kinds();

// An unknown kind or parameter is an Error (usage) that lists the known ones.
PassPointer make_pass(const std::string& kind, const ParameterMap& parameters, const std::string& where);

}  // namespace qreason
