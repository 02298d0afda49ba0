// The places in a decoder that can be transformed or quantized, as closed enums with their Hugging Face names.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace qreason {

// Activations shared by linears, and what the cache holds.
enum class Site : std::uint8_t { kAttentionInput, kAttentionOutput, kMlpInput, kMlpMiddle, kKey, kValue };
inline constexpr std::array kActivationSites{Site::kAttentionInput, Site::kAttentionOutput, Site::kMlpInput,
                                             Site::kMlpMiddle};
inline constexpr std::array kSites{
    Site::kAttentionInput, Site::kAttentionOutput, Site::kMlpInput, Site::kMlpMiddle, Site::kKey, Site::kValue};

// The seven linears of a block.
enum class LinearSlot : std::uint8_t { kQ, kK, kV, kO, kGate, kUp, kDown };
inline constexpr std::array kLinearSlots{LinearSlot::kQ,    LinearSlot::kK,  LinearSlot::kV,   LinearSlot::kO,
                                         LinearSlot::kGate, LinearSlot::kUp, LinearSlot::kDown};

std::string_view name_of(Site site);        // "attn_in", "attn_out", "mlp_in", "mlp_mid", "key", "value"
std::string_view name_of(LinearSlot slot);  // "self_attn.q_proj", ..., "mlp.down_proj"
Site input_site(LinearSlot slot);
// Row-parallel under tensor parallelism: o and down, and the sites that they read.
bool is_row_parallel(LinearSlot slot);
bool is_row_parallel(Site site);

// Names of tensors, Hugging Face's. Linears are named without ".weight" and ".bias".
inline constexpr const char* kEmbeddingName = "model.embed_tokens.weight";
inline constexpr const char* kEmbeddingLinear = "model.embed_tokens";  // the same as a linear: a plan may quantize it
inline constexpr const char* kFinalNormName = "model.norm.weight";
inline constexpr const char* kHeadName = "lm_head";
inline constexpr const char* kInputNorm = "input_layernorm.weight";          // inside a block: before attention
inline constexpr const char* kPostNorm = "post_attention_layernorm.weight";  // before the MLP
inline constexpr const char* kQueryNorm = "self_attn.q_norm.weight";         // over every head, where a model has them
inline constexpr const char* kKeyNorm = "self_attn.k_norm.weight";
inline constexpr std::array kBlockNorms{kInputNorm, kPostNorm, kQueryNorm, kKeyNorm};
enum class BlockNorm : std::uint8_t { kInput, kPost, kQuery, kKey };  // by their place in kBlockNorms
constexpr const char* name_of(BlockNorm norm) {
  return kBlockNorms[static_cast<std::size_t>(norm)];
}
std::string linear_name(std::int64_t layer, LinearSlot slot);              // "model.layers.3.mlp.down_proj"
std::string block_tensor_name(std::int64_t layer, std::string_view rest);  // "model.layers.3.input_layernorm.weight"

}  // namespace qreason
