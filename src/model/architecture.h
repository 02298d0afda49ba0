// The classes of decoders that there are, and in what they differ: a row each. All else is the one decoder's
// (model/block.h).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qreason {

enum class Architecture : std::uint8_t { kQwen2, kLlama, kQwen3, kMistral };
inline constexpr std::array kArchitectures{Architecture::kQwen2, Architecture::kLlama, Architecture::kQwen3,
                                           Architecture::kMistral};

struct ArchitectureFacts {
  // Which linears have biases, and what the config says of it.
  enum class AttentionBias : std::uint8_t {
    kNone,
    kQueryKeyValue,  // q, k and v always, o never
    kConfigured      // q, k, v and o together, by "attention_bias"; without the key none
  };
  enum class MlpBias : std::uint8_t { kNone, kConfigured };  // kConfigured: all three, by "mlp_bias"
  enum class HeadNorms : std::uint8_t { kNone, kQueriesAndKeys };
  // Which blocks have a sliding window (model/sliding_window.h).
  enum class Windows : std::uint8_t {
    kNone,
    kAll,   // all, by "sliding_window" alone: 4096 without the key
    kSome,  // where "use_sliding_window" is true those that "layer_types" or "max_window_layers" names
  };

  Architecture architecture;
  std::string_view class_name, base_class_name, model_type;  // Hugging Face's
  AttentionBias attention_bias;
  MlpBias mlp_bias;
  HeadNorms head_norms;
  Windows windows;
  std::int64_t head_dim;  // of a config without the key; 0: hidden_size / num_attention_heads
};

const ArchitectureFacts& facts_of(Architecture architecture);

// What a config names by its class, its "model_type" or both, which agree. A class without a row is an Error that names
// it, and says so of a mixture of experts.
const ArchitectureFacts& architecture_named(const std::optional<std::string>& class_name,
                                            const std::optional<std::string>& model_type, const std::string& where);

std::string_view hf_class_name(Architecture architecture);  // "Qwen2ForCausalLM", "LlamaForCausalLM"

}  // namespace qreason
