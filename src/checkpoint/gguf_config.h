// The model that a GGUF file's metadata and tensor names describe.
#pragma once

#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf.h"
#include "model/config.h"

namespace qreason {

// Architectures llama, qwen2 and qwen3; a llama with a sliding window is what Hugging Face calls Mistral. Anything that
// changes the function and that we do not implement is an Error naming its key. rope_freqs.weight becomes
// rope_frequency_divisors.
ModelConfig gguf_model_config(const GgufFile& file);

// general.sampling.* and the tokenizer's end tokens.
GenerationDefaults gguf_generation_defaults(const GgufFile& file);

}  // namespace qreason
