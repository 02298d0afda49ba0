// The metadata by which llama.cpp makes a model of a GGUF file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_metadata.h"

namespace qreason {

// general.*, the architecture's keys, sampling defaults; `file_type` is llama.cpp's number of the type most tensors
// have. Without `vocabulary` the keys say that there is none. Errors: what GGUF's readers cannot compute (dynamic
// rotary scaling, YaRN without whole pairs, llama3 scaling of a Qwen2).
GgufMetadata gguf_model_metadata(const Checkpoint& model, const std::string& name, std::int64_t file_type,
                                 const GgufMetadata& vocabulary);

// The divisors of rope_freqs.weight, [head_dim / 2]; empty for a model that needs none.
std::vector<float> gguf_rope_divisors(const ModelConfig& config);

}  // namespace qreason
