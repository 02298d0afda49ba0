// What GGUF calls the tensors of a model, and how llama's files order the rows of queries and keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoint/model_tensors.h"

namespace qreason {

// "llama" (of Mistral, too, which it calls so), "qwen2", "qwen3".
std::string_view gguf_architecture(Architecture architecture);

// Without ".weight" and ".bias": "blk.3.attn_q", "output".
std::string gguf_linear_name(const LinearPlace& place);
// Of a name that shape_of_tensor knows: "token_embd.weight", "blk.3.attn_norm.weight".
std::string gguf_tensor_name(const std::string& name);

// Whether the file has the rows of this linear, and its bias, interleaved: queries and keys of "llama".
bool has_interleaved_rows(const ModelConfig& config, const LinearPlace& place);
// Where interleaved files keep the row that Hugging Face has at `row`: per head, rows i and i + dim/2 lie side by side.
std::int64_t interleaved_row(std::int64_t row, std::int64_t head_dim);
// The inverse: which of Hugging Face's rows an interleaved file has at `row`.
std::int64_t row_of_interleaved(std::int64_t row, std::int64_t head_dim);

}  // namespace qreason
