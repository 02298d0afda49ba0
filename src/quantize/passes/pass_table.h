// The table of passes by the name that recipe files use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "quantize/pass.h"

namespace qreason {

struct PassRow {
  std::string_view kind, purpose;
  std::string_view example;  // its table in a recipe file without "kind": lines of TOML, as far as it needs any
  PassPointer (*make)(ParameterReader& parameters);
};

const std::vector<PassRow>& all_passes();

// An unknown kind or parameter is an Error (usage) that lists the known ones.
PassPointer make_pass(const std::string& kind, const ParameterMap& parameters, const std::string& where);

}  // namespace qreason
