#include "checkpoint/export/gguf_model_metadata.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "checkpoint/gguf_names.h"

namespace qreason {
namespace {

constexpr std::int64_t kQuantizationVersion = 2;

std::string_view architecture_name(const ModelConfig& config) {
  return gguf_architecture(config.architecture);
}

bool is_llama(const ModelConfig& config) {
  return architecture_name(config) == "llama";
}

// What llama.cpp computes otherwise or does not load.
void refuse_unknown(const ModelConfig& config, const std::string& where) {
  const auto& window = config.sliding_window;
  if (window && window->size < config.max_positions) {
    throw Error(where, fmt::format("a sliding window of {} in {} positions", window->size, config.max_positions),
                fmt::format("none: llama.cpp attends to all positions in {}", architecture_name(config)));
  }
  const bool biased = config.qkv_bias || config.output_bias;
  if (biased && config.architecture == Architecture::kQwen3) {
    throw Error(where, "biases of the attention", "none: llama.cpp loads none in qwen3");
  }
}

template <class T>
const T* scaling_of(const ModelConfig& config) {
  return config.rope_scaling ? std::get_if<T>(&*config.rope_scaling) : nullptr;
}

void put_rope(const ModelConfig& config, const std::string& where, GgufMetadata& metadata) {
  const auto key = [&](std::string_view name) { return fmt::format("{}.rope.{}", architecture_name(config), name); };
  metadata.put_f32(key("freq_base"), config.rope_theta);
  if (is_llama(config)) metadata.put_u32(key("dimension_count"), config.head_dim);
  if (scaling_of<DynamicRopeScaling>(config) != nullptr) {
    throw Error(where, "rotary scaling of the type dynamic", "another: llama.cpp has none that follows the length");
  }
  if (!gguf_rope_divisors(config).empty() && !is_llama(config)) {
    throw Error(where, "rotary frequencies with divisors",
                fmt::format("them in a Llama: llama.cpp reads them in no {}", architecture_name(config)));
  }
  if (const auto* linear = scaling_of<LinearRopeScaling>(config)) {
    metadata.put_text(key("scaling.type"), "linear");
    metadata.put_f32(key("scaling.factor"), linear->factor);
  }
  const auto* yarn = scaling_of<YarnRopeScaling>(config);
  if (yarn == nullptr) return;
  if (yarn->range == YarnRopeScaling::Range::kExact) {
    throw Error(where, "YaRN with \"truncate\" false", "true, which is what llama.cpp computes");
  }
  metadata.put_text(key("scaling.type"), "yarn");
  metadata.put_f32(key("scaling.factor"), yarn->factor);
  metadata.put_u32(key("scaling.original_context_length"), yarn->original_max_positions);
  const YarnRopeScaling usual;
  if (yarn->beta_fast != usual.beta_fast) metadata.put_f32(key("scaling.yarn_beta_fast"), yarn->beta_fast);
  if (yarn->beta_slow != usual.beta_slow) metadata.put_f32(key("scaling.yarn_beta_slow"), yarn->beta_slow);
  // llama.cpp multiplies what is written by the usual factor.
  const double attention = rope_attention_factor(config) / (1 + 0.1 * std::log(yarn->factor));
  if (std::abs(attention - 1) > 1e-9) metadata.put_f32(key("scaling.attn_factor"), attention);
}

void put_sizes(const ModelConfig& config, GgufMetadata& metadata) {
  const auto key = [&](std::string_view name) { return fmt::format("{}.{}", architecture_name(config), name); };
  metadata.put_u32(key("context_length"), to_hf_json(config).at("max_position_embeddings").get<std::int64_t>());
  metadata.put_u32(key("embedding_length"), config.hidden_size);
  metadata.put_u32(key("block_count"), config.layers);
  metadata.put_u32(key("feed_forward_length"), config.intermediate_size);
  metadata.put_u32(key("attention.head_count"), config.heads);
  metadata.put_u32(key("attention.head_count_kv"), config.kv_heads);
  metadata.put_f32(key("attention.layer_norm_rms_epsilon"), config.rms_norm_epsilon);
  // As converters do for every Llama and Qwen3.
  if (is_llama(config) || config.architecture == Architecture::kQwen3 ||
      config.heads * config.head_dim != config.hidden_size) {
    metadata.put_u32(key("attention.key_length"), config.head_dim);
    metadata.put_u32(key("attention.value_length"), config.head_dim);
  }
}

void put_sampling(const GenerationDefaults& defaults, GgufMetadata& metadata) {
  if (defaults.temperature) metadata.put_f32("general.sampling.temp", *defaults.temperature);
  if (defaults.top_p) metadata.put_f32("general.sampling.top_p", *defaults.top_p);
  if (defaults.top_k) metadata.put_u32("general.sampling.top_k", *defaults.top_k);
}

// What each frequency is divided by, as converters of Llama 3.1 write it: in float32 at every step.
std::vector<float> llama3_divisors(const ModelConfig& config, const Llama3RopeScaling& scaling) {
  std::vector<float> divisors;
  const auto original = static_cast<float>(scaling.original_max_positions);
  const auto factor = static_cast<float>(scaling.factor), low = static_cast<float>(scaling.low_frequency_factor),
             high = static_cast<float>(scaling.high_frequency_factor);
  for (std::int64_t pair = 0; pair < config.head_dim / 2; ++pair) {
    const float exponent = static_cast<float>(2 * pair) / static_cast<float>(config.head_dim);
    const float frequency = 1 / std::pow(static_cast<float>(config.rope_theta), exponent);
    const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
    float divisor = 1;
    if (wavelength > original / low) {
      divisor = factor;
    } else if (wavelength >= original / high) {
      const float smooth = (original / wavelength - low) / (high - low);
      divisor = 1 / ((1 - smooth) / factor + smooth);
    }
    divisors.push_back(divisor);
  }
  return divisors;
}

}  // namespace

std::vector<float> gguf_rope_divisors(const ModelConfig& config) {
  if (const auto* llama3 = scaling_of<Llama3RopeScaling>(config)) return llama3_divisors(config, *llama3);
  return config.rope_frequency_divisors;
}

GgufMetadata gguf_model_metadata(const Checkpoint& model, const std::string& name, std::int64_t file_type,
                                 const GgufMetadata& vocabulary) {
  const ModelConfig& config = model.config();
  refuse_unknown(config, model.path().string());
  GgufMetadata metadata;
  metadata.put_text("general.architecture", architecture_name(config));
  metadata.put_text("general.type", "model");
  metadata.put_text("general.name", name);
  put_sizes(config, metadata);
  put_rope(config, model.path().string(), metadata);
  put_sampling(model.generation_defaults(), metadata);
  metadata.put_u32("general.file_type", file_type);
  metadata.put_u32("general.quantization_version", kQuantizationVersion);
  if (vocabulary.count() > 0) {
    metadata.put_all(vocabulary);
    return metadata;
  }
  metadata.put_text("tokenizer.ggml.model", "none");
  metadata.put_u32(fmt::format("{}.vocab_size", architecture_name(config)), config.vocab_size);
  return metadata;
}

}  // namespace qreason
