#include "checkpoint/gguf_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/shown_name.h"
#include "checkpoint/gguf_names.h"

namespace qreason {
namespace {

constexpr const char* kKnown = "llama, qwen2 or qwen3";

constexpr std::array kEndKeys{"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                              "tokenizer.ggml.eom_token_id"};

// What the metadata calls a field, and config.json.
struct FieldName {
  const char* gguf;
  const char* hf;
};
constexpr std::array kSizes{
    FieldName{"embedding_length", "hidden_size"},           FieldName{"feed_forward_length", "intermediate_size"},
    FieldName{"block_count", "num_hidden_layers"},          FieldName{"attention.head_count", "num_attention_heads"},
    FieldName{"context_length", "max_position_embeddings"},
};

// Keys under the architecture's name that change the function, with the only value that leaves it alone.
struct ForeignKey {
  const char* name;
  double neutral;
};
constexpr std::array kForeignKeys{
    ForeignKey{"attention.max_alibi_bias", 0},
    ForeignKey{"attention.clamp_kqv", 0},
    ForeignKey{"attention.scale", 0},
    ForeignKey{"logit_scale", 1},
    ForeignKey{"residual_scale", 1},
    ForeignKey{"embedding_scale", 1},
    ForeignKey{"attn_logit_softcapping", 0},
    ForeignKey{"final_logit_softcapping", 0},
    ForeignKey{"attention.causal", 1},
    ForeignKey{"use_parallel_residual", 0},
    ForeignKey{"expert_used_count", 0},
    ForeignKey{"expert_shared_count", 0},
    ForeignKey{"attention.q_lora_rank", 0},
    ForeignKey{"attention.kv_lora_rank", 0},
    ForeignKey{"attention.output_scale", 1},
    ForeignKey{"attention.value_scale", 1},
    ForeignKey{"attention.temperature_scale", 0},
    ForeignKey{"attention.temperature_length", 0},
    ForeignKey{"attention.shared_kv_layers", 0},
    ForeignKey{"rope.scaling.yarn_log_multiplier", 0},
    ForeignKey{"rope.scaling.yarn_ext_factor", 1},
    ForeignKey{"swin_norm", 0},
};
// Lists that do the same: none is neutral.
constexpr std::array kForeignLists{"rope.dimension_sections", "attention.sliding_window_pattern",
                                   "attention.recurrent_layers", "xielu.alpha_p"};

std::optional<double> any_number(const GgufFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return std::nullopt;
  if (const auto* value = std::get_if<bool>(&found->second)) return *value ? 1 : 0;
  if (const auto* value = std::get_if<double>(&found->second)) return *value;
  if (const auto integer = file.integer(key)) return static_cast<double>(*integer);
  return std::nullopt;
}

void refuse_foreign_keys(const GgufFile& file, const std::string& architecture) {
  const std::string where = file.path().string();
  if (const auto experts = any_number(file, architecture + ".expert_count"); experts && *experts != 0) {
    throw Error(where, fmt::format("metadata {}.expert_count is {}, a mixture of experts", architecture, *experts),
                "a dense decoder (experts are not supported)");
  }
  for (const ForeignKey& foreign : kForeignKeys) {
    const std::string key = architecture + "." + foreign.name;
    const auto value = any_number(file, key);
    if (value && *value != foreign.neutral) {
      throw Error(where, fmt::format("metadata {} is {}", key, *value),
                  fmt::format("{} (this field changes the function and is not supported)", foreign.neutral));
    }
  }
  for (const char* name : kForeignLists) {
    const std::string key = architecture + "." + name;
    if (!file.metadata().contains(key)) continue;
    throw Error(where, "metadata " + key, "it absent (this field changes the function and is not supported)");
  }
  if (file.integer("split.count").value_or(1) > 1) {
    throw Error(where, fmt::format("split.count {}", *file.integer("split.count")), "a model in one file");
  }
}

// The decimal number that a float32 of the metadata stands for: 1e-6 rather than 9.99999997e-7.
double decimal(double value) {
  const std::string text = fmt::format("{}", static_cast<float>(value));
  double result = value;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

std::int64_t head_length(const GgufFile& file, const std::string& architecture, std::int64_t default_length) {
  const std::int64_t length = file.integer(architecture + ".attention.key_length").value_or(default_length);
  for (const char* name : {"attention.value_length", "rope.dimension_count"}) {
    const std::string key = architecture + "." + name;
    const std::int64_t other = file.integer(key).value_or(length);
    if (other == length) continue;
    throw Error(file.path().string(), fmt::format("metadata {} is {}", key, other),
                fmt::format("the head's length, {}", length));
  }
  return length;
}

std::vector<std::int64_t> end_tokens(const GgufFile& file) {
  std::vector<std::int64_t> tokens;
  for (const char* key : kEndKeys) {
    const auto token = file.integer(key);
    if (token && std::find(tokens.begin(), tokens.end(), *token) == tokens.end()) tokens.push_back(*token);
  }
  return tokens;
}

// The rope_scaling object that llama.cpp's keys stand for; null for none. Its rules: a factor without a type is linear,
// 0 is no factor, "none" ignores one; YaRN's own attention factor is multiplied by the file's.
Json rope_scaling(const GgufFile& file, const std::string& architecture) {
  const std::string where = file.path().string(), prefix = architecture + ".rope.scaling.";
  double factor = file.number(prefix + "factor").value_or(0);
  if (factor == 0) factor = file.number(architecture + ".rope.scale_linear").value_or(0);
  const std::string type = file.string(prefix + "type").value_or("linear");
  const double attention =
      file.number(prefix + "attn_factor").value_or(1) * file.number(prefix + "yarn_attn_factor").value_or(1);
  if (type != "yarn" && attention != 1) {
    throw Error(where, fmt::format("metadata {}attn_factor is {} without YaRN", prefix, attention), "1");
  }
  if (type == "none" || (type == "linear" && (factor == 0 || factor == 1))) return nullptr;
  if (type == "linear") return {{"rope_type", "linear"}, {"factor", decimal(factor)}};
  if (type != "yarn") {
    throw Error(where, fmt::format("metadata {}type is {}", prefix, shown_name(type)), "none, linear or yarn");
  }
  if (factor == 0) factor = 1;
  Json json{{"rope_type", "yarn"}, {"factor", decimal(factor)}};
  if (const auto original = file.integer(prefix + "original_context_length")) {
    json["original_max_position_embeddings"] = *original;
  }
  if (const auto fast = file.number(prefix + "yarn_beta_fast")) json["beta_fast"] = decimal(*fast);
  if (const auto slow = file.number(prefix + "yarn_beta_slow")) json["beta_slow"] = decimal(*slow);
  if (attention != 1) json["attention_factor"] = attention * (1 + 0.1 * std::log(decimal(factor)));
  return json;
}

// Of all blocks; 0: none. No file says which blocks of a Qwen have one, or that they have.
std::int64_t window_of(const GgufFile& file, const std::string& architecture) {
  const std::string key = architecture + ".attention.sliding_window";
  const std::int64_t window = file.integer(key).value_or(0);
  if (window == 0 || architecture == gguf_architecture(Architecture::kMistral)) return window;
  throw Error(file.path().string(), fmt::format("metadata {} is {}", key, window),
              "0 (sliding windows of this architecture are not supported in GGUF)");
}

// config.json's form of the metadata, so that the same checks apply to both.
Json as_hf_json(const GgufFile& file, const std::string& architecture) {
  const std::string where = file.path().string();
  Json json;
  json["model_type"] = architecture;
  if (const std::int64_t window = window_of(file, architecture); window > 0) {
    json["model_type"] = facts_of(Architecture::kMistral).model_type;
    json["sliding_window"] = window;
  }
  for (const FieldName& name : kSizes) {
    const std::string key = architecture + "." + name.gguf;
    const auto value = file.integer(key);
    if (!value) throw Error(where, fmt::format("no metadata {}", key), "that key");
    json[name.hf] = *value;
  }
  const auto kv_heads = file.integer(architecture + ".attention.head_count_kv");
  if (kv_heads) json["num_key_value_heads"] = *kv_heads;
  const std::string epsilon_key = architecture + ".attention.layer_norm_rms_epsilon";
  const auto epsilon = file.number(epsilon_key);
  if (!epsilon) throw Error(where, fmt::format("no metadata {}", epsilon_key), "that key");
  json["rms_norm_eps"] = decimal(*epsilon);
  if (const auto theta = file.number(architecture + ".rope.freq_base")) json["rope_theta"] = decimal(*theta);
  json["rope_scaling"] = rope_scaling(file, architecture);
  json["vocab_size"] = file.tensor("token_embd.weight").shape.front();
  json["tie_word_embeddings"] = !file.tensors().contains("output.weight");
  const std::int64_t heads = json["num_attention_heads"].get<std::int64_t>();
  const std::int64_t hidden = json["hidden_size"].get<std::int64_t>();
  const bool even_split = heads > 0 && hidden % heads == 0;
  if (even_split || file.integer(architecture + ".attention.key_length")) {
    json["head_dim"] = head_length(file, architecture, even_split ? hidden / heads : 0);
  }
  if (const auto bos = file.integer("tokenizer.ggml.bos_token_id")) json["bos_token_id"] = *bos;
  if (const auto tokens = end_tokens(file); !tokens.empty()) json["eos_token_id"] = tokens;
  return json;
}

// Settings of llama.cpp's samplers that ours has no place for, with the numbers that leave them out.
std::vector<std::string> foreign_sampling(const GgufFile& file) {
  constexpr std::array kForeign{ForeignKey{"min_p", 0}, ForeignKey{"xtc_probability", 0}, ForeignKey{"mirostat", 0},
                                ForeignKey{"penalty_repeat", 1}};
  std::vector<std::string> found;
  for (const ForeignKey& key : kForeign) {
    const std::string name = fmt::format("general.sampling.{}", key.name);
    const auto value = any_number(file, name);
    if (value && *value != key.neutral) found.push_back(fmt::format("metadata {} is {}", name, *value));
  }
  return found;
}

StoredType stored_type(GgmlType type) {
  if (type == GgmlType::kBF16) return StoredType::kBFloat16;
  if (type == GgmlType::kF16) return StoredType::kFloat16;
  return StoredType::kFloat32;  // quantized blocks decode to float32
}

std::vector<float> rope_divisors(const GgufFile& file, const ModelConfig& config) {
  const auto found = file.tensors().find("rope_freqs.weight");
  if (found == file.tensors().end()) return {};
  const GgufTensor& tensor = found->second;
  const std::string where = file.path().string() + " tensor rope_freqs.weight";
  if (tensor.type != GgmlType::kF32 || tensor.shape != std::vector<std::int64_t>{config.head_dim / 2}) {
    throw Error(where, fmt::format("{} [{}]", name_of(tensor.type), fmt::join(tensor.shape, ", ")),
                fmt::format("F32 [{}]", config.head_dim / 2));
  }
  std::vector<float> divisors(static_cast<std::size_t>(config.head_dim / 2));
  dequantize_ggml(tensor.type, tensor.bytes, divisors);
  for (const float divisor : divisors) {
    if (!(divisor > 0 && divisor < 1e30f))
      throw Error(where, fmt::format("the divisor {}", divisor), "positive numbers");
  }
  return divisors;
}

}  // namespace

ModelConfig gguf_model_config(const GgufFile& file) {
  const std::string where = file.path().string();
  const auto architecture = file.string("general.architecture");
  if (!architecture) throw Error(where, "no metadata general.architecture", kKnown);
  if (std::none_of(kArchitectures.begin(), kArchitectures.end(),
                   [&](Architecture one) { return gguf_architecture(one) == *architecture; })) {
    const bool experts = architecture->find("moe") != std::string::npos;
    throw Error(
        where,
        fmt::format("general.architecture {}{}", shown_name(*architecture), experts ? ", a mixture of experts" : ""),
        kKnown);
  }
  if (file.tensors().empty()) throw Error(where, "no tensors (a vocabulary only)", "a model");
  refuse_foreign_keys(file, *architecture);
  ModelConfig config = parse_model_config(as_hf_json(file, *architecture), where + " metadata");
  config.stored_type = stored_type(file.tensor("token_embd.weight").type);
  const ArchitectureFacts& facts = facts_of(config.architecture);
  // Configured biases have no key of their own: the tensors tell.
  if (facts.attention_bias == ArchitectureFacts::AttentionBias::kConfigured) {
    config.qkv_bias = file.tensors().contains("blk.0.attn_q.bias");
    config.output_bias = file.tensors().contains("blk.0.attn_output.bias");
  }
  if (facts.mlp_bias == ArchitectureFacts::MlpBias::kConfigured) {
    config.mlp_bias = file.tensors().contains("blk.0.ffn_down.bias");
  }
  if (*architecture == "llama") {
    config.rope_frequency_divisors = rope_divisors(file, config);
    if (config.rope_scaling && !config.rope_frequency_divisors.empty()) {
      throw Error(where, "rope_freqs.weight together with metadata of a rope scaling", "one of them");
    }
  }
  return config;
}

GenerationDefaults gguf_generation_defaults(const GgufFile& file) {
  return {.temperature = file.number("general.sampling.temp"),
          .top_p = file.number("general.sampling.top_p"),
          .top_k = file.integer("general.sampling.top_k"),
          .eos_tokens = end_tokens(file),
          .unsupported = foreign_sampling(file)};
}

}  // namespace qreason
