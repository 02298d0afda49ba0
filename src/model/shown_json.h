// What a config.json says, for a message about it.
#pragma once

#include <string>

#include "base/json.h"

namespace qreason {

// Its text, the first 60 bytes of a longer one.
std::string shown(const Json& value);

}  // namespace qreason
