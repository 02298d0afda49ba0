// What follows from a ModelConfig: its JSON and its size.
#include <fmt/format.h>

#include "base/error.h"
#include "model/config.h"

namespace qreason {
namespace {

std::string_view name_of(StoredType type) {
  switch (type) {
    case StoredType::kFloat32:
      return "float32";
    case StoredType::kBFloat16:
      return "bfloat16";
    case StoredType::kFloat16:
      return "float16";
  }
  throw Error("StoredType", std::to_string(static_cast<int>(type)), "one of the enumerators");
}

OrderedJson rope_scaling_json(const ModelConfig& config) {
  if (config.rope_scaling && !config.rope_frequency_divisors.empty()) {
    throw Error("rope_scaling", "a scaling and frequency divisors together", "one of them");
  }
  if (config.rope_scaling) return to_json(*config.rope_scaling);
  if (!config.rope_frequency_divisors.empty()) {
    return {{"rope_type", "frequency_divisors"}, {"divisors", config.rope_frequency_divisors}};
  }
  return nullptr;
}

// "linear" and "dynamic" name their original context nowhere else.
std::int64_t max_position_embeddings(const ModelConfig& config) {
  if (!config.rope_scaling) return config.max_positions;
  if (const auto* linear = std::get_if<LinearRopeScaling>(&*config.rope_scaling)) return linear->original_max_positions;
  if (const auto* ntk = std::get_if<DynamicRopeScaling>(&*config.rope_scaling)) return ntk->original_max_positions;
  return config.max_positions;
}

}  // namespace

OrderedJson to_hf_json(const ModelConfig& config) {
  const ArchitectureFacts& facts = facts_of(config.architecture);
  OrderedJson json;
  json["architectures"] = {facts.class_name};
  json["model_type"] = facts.model_type;
  if (facts.attention_bias == ArchitectureFacts::AttentionBias::kConfigured) {
    if (config.qkv_bias != config.output_bias) {
      throw Error("attention_bias", "biases on q, k, v or on o alone",
                  fmt::format("all or none in {}", facts.class_name));
    }
    json["attention_bias"] = config.qkv_bias;
  }
  if (facts.mlp_bias == ArchitectureFacts::MlpBias::kConfigured) json["mlp_bias"] = config.mlp_bias;
  json["attention_dropout"] = 0.0;
  if (config.bos_token) json["bos_token_id"] = *config.bos_token;
  if (config.eos_tokens.size() == 1) json["eos_token_id"] = config.eos_tokens[0];
  if (config.eos_tokens.size() > 1) json["eos_token_id"] = config.eos_tokens;
  json["head_dim"] = config.head_dim;
  json["hidden_act"] = "silu";
  json["hidden_size"] = config.hidden_size;
  json["initializer_range"] = 0.02;
  json["intermediate_size"] = config.intermediate_size;
  json["max_position_embeddings"] = max_position_embeddings(config);
  json["num_attention_heads"] = config.heads;
  json["num_hidden_layers"] = config.layers;
  json["num_key_value_heads"] = config.kv_heads;
  json["rms_norm_eps"] = config.rms_norm_epsilon;
  json["rope_scaling"] = rope_scaling_json(config);
  json["rope_theta"] = config.rope_theta;
  put_sliding_window(config.sliding_window, facts, json);
  json["tie_word_embeddings"] = config.tied_embeddings;
  json["torch_dtype"] = name_of(config.stored_type);
  json["use_cache"] = true;
  json["vocab_size"] = config.vocab_size;
  return json;
}

std::int64_t parameter_count(const ModelConfig& config) {
  const std::int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  const std::int64_t query = config.heads * config.head_dim, key_value = config.kv_heads * config.head_dim;
  std::int64_t block = 2 * hidden * query + 2 * hidden * key_value + 3 * hidden * inner + 2 * hidden;
  if (config.qkv_bias) block += query + 2 * key_value;
  if (config.output_bias) block += hidden;
  if (config.mlp_bias) block += 2 * inner + hidden;
  if (config.query_key_norm) block += 2 * config.head_dim;
  const std::int64_t embeddings = (config.tied_embeddings ? 1 : 2) * config.vocab_size * hidden;
  return embeddings + config.layers * block + hidden;
}

std::span<const BlockNorm> block_norms(const ModelConfig& config) {
  static constexpr std::array kAll{BlockNorm::kInput, BlockNorm::kPost, BlockNorm::kQuery, BlockNorm::kKey};
  return std::span(kAll).first(config.query_key_norm ? 4 : 2);
}

std::int64_t norm_width(const ModelConfig& config, BlockNorm norm) {
  return norm == BlockNorm::kQuery || norm == BlockNorm::kKey ? config.head_dim : config.hidden_size;
}

std::int64_t attention_window(const ModelConfig& config, std::int64_t layer) {
  const auto& window = config.sliding_window;
  if (!window) return 0;
  return window->layers.empty() || window->layers.at(static_cast<std::size_t>(layer)) ? window->size : 0;
}

LinearShape linear_shape(const ModelConfig& config, LinearSlot slot) {
  const std::int64_t query = config.heads * config.head_dim, key_value = config.kv_heads * config.head_dim;
  const std::int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  switch (slot) {
    case LinearSlot::kQ:
      return {query, hidden, config.qkv_bias};
    case LinearSlot::kK:
    case LinearSlot::kV:
      return {key_value, hidden, config.qkv_bias};
    case LinearSlot::kO:
      return {hidden, query, config.output_bias};
    case LinearSlot::kGate:
    case LinearSlot::kUp:
      return {inner, hidden, config.mlp_bias};
    case LinearSlot::kDown:
      return {hidden, inner, config.mlp_bias};
  }
  throw Error("linear slot", std::to_string(static_cast<int>(slot)), "one of the seven");
}

std::int64_t site_width(const ModelConfig& config, Site site) {
  switch (site) {
    case Site::kAttentionInput:
    case Site::kMlpInput:
      return config.hidden_size;
    case Site::kAttentionOutput:
      return config.heads * config.head_dim;
    case Site::kMlpMiddle:
      return config.intermediate_size;
    case Site::kKey:
    case Site::kValue:
      return config.kv_heads * config.head_dim;
  }
  throw Error("site", std::to_string(static_cast<int>(site)), "one of the six");
}

}  // namespace qreason
