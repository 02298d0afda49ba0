// The parameters of a method as --set and study files give them. What names a file is read here, so that a recipe holds
// all that repeats it: `rotation_signs`, a .safetensors file with `signs` int8 [hidden], becomes "+-+..".
#pragma once

#include <span>
#include <string>

#include "quantize/parameters.h"

namespace qreason {

// Errors as parse_assignments'; and naming the file, where its signs are missing, of another type, or not 1 and -1.
ParameterMap read_method_parameters(std::span<const std::string> assignments);

}  // namespace qreason
