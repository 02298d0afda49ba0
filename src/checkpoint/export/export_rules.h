// What formats have no word for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"

namespace qreason {

// Whether a format can say that inputs of linears are rounded while the model runs.
enum class InputRounding : std::uint8_t { kUnspeakable, kSpeakable };

// What runs while the model does and no other program knows: online transforms, a rounded cache and, where the format
// has no word for them, rounded inputs. An Error names the first block and place, how many others there are, and what
// would be exportable.
void refuse_what_runs_online(const Checkpoint& model, std::string_view format, InputRounding inputs);

// Where the plan rounds the embedding or the head and the format has both in floats.
void refuse_quantized_outside(const Checkpoint& model, std::string_view format);

}  // namespace qreason
