// What follows from a ModelConfig: its JSON, its size, its rotary frequencies.
#include <cmath>
#include <numbers>

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
    throw Error("rope_scaling", "llama3 scaling and frequency divisors together", "one of them");
  }
  if (config.rope_scaling) {
    const Llama3RopeScaling& scaling = *config.rope_scaling;
    return {{"factor", scaling.factor},
            {"low_freq_factor", scaling.low_frequency_factor},
            {"high_freq_factor", scaling.high_frequency_factor},
            {"original_max_position_embeddings", scaling.original_max_positions},
            {"rope_type", "llama3"}};
  }
  if (!config.rope_frequency_divisors.empty()) {
    return {{"rope_type", "frequency_divisors"}, {"divisors", config.rope_frequency_divisors}};
  }
  return nullptr;
}

// One frequency under Llama 3.1's rule: long wavelengths are divided by the factor, short ones stay, those between
// blend.
float llama3_scaled(float frequency, const Llama3RopeScaling& scaling) {
  const auto factor = static_cast<float>(scaling.factor);
  const auto original = static_cast<float>(scaling.original_max_positions);
  const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
  if (wavelength < static_cast<float>(scaling.original_max_positions / scaling.high_frequency_factor)) return frequency;
  if (wavelength > static_cast<float>(scaling.original_max_positions / scaling.low_frequency_factor)) {
    return frequency / factor;
  }
  const float smooth = (original / wavelength - static_cast<float>(scaling.low_frequency_factor)) /
                       static_cast<float>(scaling.high_frequency_factor - scaling.low_frequency_factor);
  return (1 - smooth) * frequency / factor + smooth * frequency;
}

}  // namespace

OrderedJson to_hf_json(const ModelConfig& config) {
  const bool llama = config.architecture == Architecture::kLlama;
  OrderedJson json;
  json["architectures"] = {hf_class_name(config.architecture)};
  json["model_type"] = llama ? "llama" : "qwen2";
  if (llama) {
    if (config.qkv_bias != config.output_bias) {
      throw Error("attention_bias", "biases on q, k, v or on o alone", "all or none in LlamaForCausalLM");
    }
    json["attention_bias"] = config.qkv_bias;
    json["mlp_bias"] = config.mlp_bias;
  }
  json["attention_dropout"] = 0.0;
  if (config.bos_token) json["bos_token_id"] = *config.bos_token;
  if (config.eos_tokens.size() == 1) json["eos_token_id"] = config.eos_tokens[0];
  if (config.eos_tokens.size() > 1) json["eos_token_id"] = config.eos_tokens;
  json["head_dim"] = config.head_dim;
  json["hidden_act"] = "silu";
  json["hidden_size"] = config.hidden_size;
  json["initializer_range"] = 0.02;
  json["intermediate_size"] = config.intermediate_size;
  json["max_position_embeddings"] = config.max_positions;
  json["num_attention_heads"] = config.heads;
  json["num_hidden_layers"] = config.layers;
  json["num_key_value_heads"] = config.kv_heads;
  json["rms_norm_eps"] = config.rms_norm_epsilon;
  json["rope_scaling"] = rope_scaling_json(config);
  json["rope_theta"] = config.rope_theta;
  if (!llama) json["use_sliding_window"] = false;
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
  const std::int64_t embeddings = (config.tied_embeddings ? 1 : 2) * config.vocab_size * hidden;
  return embeddings + config.layers * block + hidden;
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

std::vector<float> rope_inverse_frequencies(const ModelConfig& config) {
  std::vector<float> frequencies;
  const std::int64_t pairs = config.head_dim / 2;
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(config.head_dim);
    const auto power = static_cast<float>(std::pow(config.rope_theta, static_cast<double>(exponent)));
    float frequency = 1 / power;
    if (config.rope_scaling) frequency = llama3_scaled(frequency, *config.rope_scaling);
    if (!config.rope_frequency_divisors.empty()) {
      frequency /= config.rope_frequency_divisors[static_cast<std::size_t>(pair)];
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}

}  // namespace qreason
