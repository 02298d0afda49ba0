// What formats have no word for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"
#include "model/plan.h"

namespace qreason {

// Whether a format can say that inputs of linears are rounded while the model runs.
enum class InputRounding : std::uint8_t { kUnspeakable, kSpeakable };
// Whether it can say that keys and values are FP8 with one known scale each.
enum class CacheRounding : std::uint8_t { kUnspeakable, kTensorScales };

// What runs while the model does and no other program knows: online transforms, a rounded cache and, where the format
// has no word for them, rounded inputs. An Error names the first block and place, how many others there are, and what
// would be exportable.
void refuse_what_runs_online(const Checkpoint& model, std::string_view format, InputRounding inputs,
                             CacheRounding cache = CacheRounding::kUnspeakable);
// Whether every block caches keys, after RoPE, and values in FP8 (E4M3), each with one known scale.
bool has_tensor_cache(const ModelPlan& plan);

// Where the plan rounds the embedding or the head and the format has both in floats.
void refuse_quantized_outside(const Checkpoint& model, std::string_view format);

}  // namespace qreason
