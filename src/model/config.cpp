#include "model/config.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "base/error.h"
#include "model/shown_json.h"

namespace qreason {
namespace {

constexpr std::int64_t kMaxHidden = std::int64_t{1} << 20;
constexpr std::int64_t kMaxIntermediate = std::int64_t{1} << 22;
constexpr std::int64_t kMaxLayers = 10000;
constexpr std::int64_t kMaxVocabulary = std::int64_t{1} << 24;
constexpr std::int64_t kMaxPositions = std::int64_t{1} << 30;
constexpr double kDefaultRopeTheta = 10000;  // of every class in transformers
// Our own rope_type for GGUF's rope_freqs.weight: other programs refuse it, which is better than their ignoring it.
constexpr const char* kDivisorsRopeType = "frequency_divisors";
constexpr const char* kRopeTypes = "\"default\", \"linear\", \"dynamic\", \"yarn\" or \"llama3\"";

// Keys of related models that change the function; only these values leave it as it is.
enum class Neutral { kFalsy, kOne, kZeroOrOne };
struct ForeignKey {
  const char* name;
  Neutral neutral;
};
constexpr std::array kForeignKeys{
    ForeignKey{"use_mrope", Neutral::kFalsy},
    ForeignKey{"attention_multiplier", Neutral::kFalsy},
    ForeignKey{"embedding_multiplier", Neutral::kOne},
    ForeignKey{"residual_multiplier", Neutral::kOne},
    ForeignKey{"logits_scaling", Neutral::kOne},
    ForeignKey{"logit_scale", Neutral::kOne},
    ForeignKey{"scale_emb", Neutral::kOne},
    ForeignKey{"scale_depth", Neutral::kFalsy},
    ForeignKey{"final_logit_softcapping", Neutral::kFalsy},
    ForeignKey{"attn_logit_softcapping", Neutral::kFalsy},
    ForeignKey{"query_pre_attn_scalar", Neutral::kFalsy},
    ForeignKey{"clip_qkv", Neutral::kFalsy},
    ForeignKey{"qk_norm", Neutral::kFalsy},
    ForeignKey{"use_qk_norm", Neutral::kFalsy},
    ForeignKey{"no_rope_layers", Neutral::kFalsy},
    ForeignKey{"no_rope_layer_interval", Neutral::kFalsy},
    ForeignKey{"attention_chunk_size", Neutral::kFalsy},
    ForeignKey{"attention_sinks", Neutral::kFalsy},
    ForeignKey{"alibi", Neutral::kFalsy},
    ForeignKey{"rope_interleaved", Neutral::kFalsy},
    ForeignKey{"use_parallel_residual", Neutral::kFalsy},
    ForeignKey{"parallel_attn", Neutral::kFalsy},
    ForeignKey{"add_cross_attention", Neutral::kFalsy},
    ForeignKey{"is_encoder_decoder", Neutral::kFalsy},
    ForeignKey{"partial_rotary_factor", Neutral::kOne},
    ForeignKey{"rotary_pct", Neutral::kOne},
    ForeignKey{"rope_ratio", Neutral::kOne},
    ForeignKey{"rope_local_base_freq", Neutral::kFalsy},
    ForeignKey{"mrope_section", Neutral::kFalsy},
    ForeignKey{"pruned_heads", Neutral::kFalsy},
    ForeignKey{"qk_layernorm", Neutral::kFalsy},
    ForeignKey{"attention_out_bias", Neutral::kFalsy},
    ForeignKey{"lm_head_bias", Neutral::kFalsy},
    ForeignKey{"attention_scale", Neutral::kFalsy},
    ForeignKey{"sliding_window_pattern", Neutral::kFalsy},
    ForeignKey{"kv_lora_rank", Neutral::kFalsy},
    ForeignKey{"q_lora_rank", Neutral::kFalsy},
};

bool is_neutral(const Json& value, Neutral neutral) {
  if (value.is_null()) return true;
  const bool is_zero = (value.is_boolean() && !value.get<bool>()) || (value.is_number() && value.get<double>() == 0) ||
                       (value.is_structured() && value.empty());
  const bool is_one = value.is_number() && value.get<double>() == 1;
  switch (neutral) {
    case Neutral::kFalsy:
      return is_zero;
    case Neutral::kOne:
      return is_one;
    case Neutral::kZeroOrOne:
      return is_zero || is_one;
  }
  return false;
}

void refuse_experts(const Json& json, const std::string& where) {
  for (const char* key : {"num_experts", "num_local_experts", "n_routed_experts"}) {
    const auto found = json.find(key);
    if (found == json.end() || is_neutral(*found, Neutral::kZeroOrOne)) continue;
    throw Error(where, fmt::format("\"{}\" is {}, a mixture of experts", key, shown(*found)),
                "a dense decoder (experts are not supported)");
  }
}

void refuse_foreign_keys(const Json& json, const std::string& where) {
  for (const ForeignKey& key : kForeignKeys) {
    const auto found = json.find(key.name);
    if (found == json.end() || is_neutral(*found, key.neutral)) continue;
    throw Error(where, fmt::format("\"{}\" is {}", key.name, shown(*found)),
                "a plain decoder (this field changes the function and is not supported)");
  }
}

const ArchitectureFacts& parse_architecture(const Json& json, const std::string& where) {
  std::optional<std::string> class_name;
  if (const auto found = json.find("architectures"); found != json.end() && !found->is_null()) {
    if (!found->is_array() || found->size() != 1 || !found->front().is_string()) {
      throw Error(where, fmt::format("\"architectures\" is {}", shown(*found)), "a list with one class name");
    }
    class_name = found->front().get<std::string>();
  }
  return architecture_named(class_name, json_string_if(json, "model_type", where), where);
}

std::int64_t ranged(std::int64_t value, const char* key, std::int64_t limit, const std::string& where) {
  if (value < 1 || value > limit) {
    throw Error(where, fmt::format("\"{}\" is {}", key, value), fmt::format("1 to {}", limit));
  }
  return value;
}

std::int64_t size_of(const Json& json, const char* key, std::int64_t limit, const std::string& where) {
  return ranged(json_int(json, key, where), key, limit, where);
}

void require_multiple(std::int64_t value, const char* key, std::int64_t divisor, const std::string& divisor_key,
                      const std::string& where) {
  if (value % divisor == 0) return;
  throw Error(where, fmt::format("\"{}\" is {}", key, value),
              fmt::format("a multiple of {}, {}", divisor_key, divisor));
}

void parse_sizes(const Json& json, const std::string& where, const ArchitectureFacts& facts, ModelConfig& config) {
  config.hidden_size = size_of(json, "hidden_size", kMaxHidden, where);
  config.intermediate_size = size_of(json, "intermediate_size", kMaxIntermediate, where);
  config.layers = size_of(json, "num_hidden_layers", kMaxLayers, where);
  config.heads = size_of(json, "num_attention_heads", kMaxHidden, where);
  config.kv_heads = ranged(json_int_if(json, "num_key_value_heads", where).value_or(config.heads),
                           "num_key_value_heads", config.heads, where);
  config.vocab_size = size_of(json, "vocab_size", kMaxVocabulary, where);
  config.max_positions = size_of(json, "max_position_embeddings", kMaxPositions, where);
  require_multiple(config.heads, "num_attention_heads", config.kv_heads, "num_key_value_heads", where);
  if (const auto head_dim = json_int_if(json, "head_dim", where)) {
    config.head_dim = ranged(*head_dim, "head_dim", kMaxHidden, where);
  } else if (facts.head_dim != 0) {
    config.head_dim = facts.head_dim;
  } else {
    require_multiple(config.hidden_size, "hidden_size", config.heads, "num_attention_heads", where);
    config.head_dim = config.hidden_size / config.heads;
  }
  if (config.head_dim % 2 != 0) {
    throw Error(where, fmt::format("\"head_dim\" is {}", config.head_dim), "an even number (rotary pairs)");
  }
  if (config.heads * config.head_dim > kMaxHidden) {
    throw Error(where, fmt::format("{} heads of {}", config.heads, config.head_dim),
                fmt::format("at most {} together", kMaxHidden));
  }
}

std::vector<float> parse_divisors(const Json& json, const std::string& where, std::int64_t count) {
  const Json& list = json_member(json, "divisors", where);
  if (!list.is_array() || list.size() != static_cast<std::size_t>(count)) {
    throw Error(where, fmt::format("\"divisors\" is {}", shown(list)), fmt::format("a list of {} numbers", count));
  }
  std::vector<float> divisors;
  for (const Json& value : list) {
    const float divisor = value.is_number() ? value.get<float>() : 0.0f;
    if (!std::isfinite(divisor) || divisor <= 0) {
      throw Error(where, fmt::format("\"divisors\" holds {}", shown(value)), "positive numbers");
    }
    divisors.push_back(divisor);
  }
  return divisors;
}

// The object of `rope_scaling` (old) or `rope_parameters` (transformers 5).
void parse_rope_object(const Json& rope, const std::string& where, const RopeContext& context, ModelConfig& config) {
  if (!rope.is_object()) throw Error(where, fmt::format("{}", shown(rope)), "an object or null");
  refuse_foreign_keys(rope, where);
  const auto type = json_string_if(rope, "rope_type", where);
  const auto old_type = json_string_if(rope, "type", where);
  if (type && old_type && *type != *old_type) {
    throw Error(where, fmt::format("\"rope_type\" is \"{}\" and \"type\" is \"{}\"", *type, *old_type), "one type");
  }
  if (!type && !old_type && !rope.contains("rope_theta")) {
    throw Error(where, fmt::format("{} without \"rope_type\"", shown(rope)), kRopeTypes);
  }
  const std::string name = type.value_or(old_type.value_or("default"));
  if (name == "default") return;
  if (name == kDivisorsRopeType) {
    config.rope_frequency_divisors = parse_divisors(rope, where, config.head_dim / 2);
    return;
  }
  config.rope_scaling = parse_rope_scaling(rope, name, context, where);
  if (!config.rope_scaling) throw Error(where, fmt::format("\"rope_type\" is \"{}\"", name), kRopeTypes);
}

void parse_rope(const Json& json, const std::string& where, ModelConfig& config) {
  const auto present = [&](const char* key) {
    const auto found = json.find(key);
    return found == json.end() || found->is_null() ? nullptr : &*found;
  };
  const Json* scaling = present("rope_scaling");
  const Json* parameters = present("rope_parameters");
  auto theta = json_number_if(json, "rope_theta", where);
  RopeContext context{.max_positions = config.max_positions};
  if (present("original_max_position_embeddings") != nullptr) {
    context.original_max_positions = size_of(json, "original_max_position_embeddings", kMaxPositions, where);
  }
  if (scaling != nullptr) parse_rope_object(*scaling, where + " rope_scaling", context, config);
  if (parameters != nullptr) {
    ModelConfig newer = config;
    newer.rope_scaling.reset();
    newer.rope_frequency_divisors.clear();
    parse_rope_object(*parameters, where + " rope_parameters", context, newer);
    const auto newer_theta = json_number_if(*parameters, "rope_theta", where + " rope_parameters");
    if (scaling != nullptr && (newer.rope_scaling != config.rope_scaling ||
                               newer.rope_frequency_divisors != config.rope_frequency_divisors)) {
      throw Error(where, "\"rope_scaling\" and \"rope_parameters\" that differ", "the same scaling in both");
    }
    if (theta && newer_theta && *theta != *newer_theta) {
      throw Error(where, fmt::format("\"rope_theta\" is {}, and {} in \"rope_parameters\"", *theta, *newer_theta),
                  "the same in both");
    }
    if (newer_theta) theta = newer_theta;
    config = std::move(newer);
  }
  if (config.rope_scaling && std::holds_alternative<YarnRopeScaling>(*config.rope_scaling) && theta == 1.0) {
    throw Error(where, "\"rope_theta\" is 1 with YaRN", "more than 1");
  }
  config.max_positions = scaled_max_positions(config.rope_scaling, config.max_positions);
  config.rope_theta = theta.value_or(kDefaultRopeTheta);
  if (!(config.rope_theta >= 1 && config.rope_theta <= 1e15)) {
    throw Error(where, fmt::format("\"rope_theta\" is {}", config.rope_theta), "1 to 1e15");
  }
}

StoredType parse_stored_type(const Json& json, const std::string& where) {
  // "dtype" is the newer key and wins where both are written.
  const auto newer = json_string_if(json, "dtype", where);
  std::string name = newer ? *newer : json_string_if(json, "torch_dtype", where).value_or("float32");
  if (name.starts_with("torch.")) name = name.substr(6);
  if (name == "float32") return StoredType::kFloat32;
  if (name == "bfloat16") return StoredType::kBFloat16;
  if (name == "float16") return StoredType::kFloat16;
  throw Error(where, fmt::format("\"{}\" is \"{}\"", newer ? "dtype" : "torch_dtype", name),
              "float32, bfloat16 or float16");
}

std::int64_t token_id(const Json& value, const char* key, const std::string& where) {
  const bool fits = value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
                    value.get<std::int64_t>() < std::numeric_limits<std::int32_t>::max();
  if (!fits) throw Error(where, fmt::format("\"{}\" is {}", key, shown(value)), "a token id");
  return value.get<std::int64_t>();
}

void parse_tokens(const Json& json, const std::string& where, ModelConfig& config) {
  if (const auto bos = json.find("bos_token_id"); bos != json.end() && !bos->is_null()) {
    config.bos_token = token_id(*bos, "bos_token_id", where);
  }
  const auto eos = json.find("eos_token_id");
  if (eos == json.end() || eos->is_null()) return;
  if (!eos->is_array()) {
    config.eos_tokens = {token_id(*eos, "eos_token_id", where)};
    return;
  }
  for (const Json& value : *eos) config.eos_tokens.push_back(token_id(value, "eos_token_id", where));
}

// Where a class has a bias or none whatever its config says, a config that says otherwise is of another model.
void parse_biases(const Json& json, const std::string& where, const ArchitectureFacts& facts, ModelConfig& config) {
  using AttentionBias = ArchitectureFacts::AttentionBias;
  const auto attention = json_bool_if(json, "attention_bias", where);
  const bool mlp = json_bool_if(json, "mlp_bias", where).value_or(false);
  const auto refuse = [&](const char* key, bool value, const char* expected) {
    throw Error(where, fmt::format("\"{}\" is {}", key, value), fmt::format("{} in {}", expected, facts.class_name));
  };
  if (mlp && facts.mlp_bias == ArchitectureFacts::MlpBias::kNone) refuse("mlp_bias", true, "no such bias");
  config.mlp_bias = mlp;
  switch (facts.attention_bias) {
    case AttentionBias::kNone:
      if (attention.value_or(false)) refuse("attention_bias", true, "no such bias");
      return;
    case AttentionBias::kQueryKeyValue:
      if (!attention.value_or(true)) refuse("attention_bias", false, "q, k and v biases");
      config.qkv_bias = true;
      return;
    case AttentionBias::kConfigured:
      config.qkv_bias = config.output_bias = attention.value_or(false);
      return;
  }
}

}  // namespace

ModelConfig parse_model_config(const Json& json, const std::string& where) {
  if (!json.is_object()) throw Error(where, fmt::format("a JSON {}", json.type_name()), "an object");
  ModelConfig config;
  const ArchitectureFacts& facts = parse_architecture(json, where);
  config.architecture = facts.architecture;
  config.query_key_norm = facts.head_norms == ArchitectureFacts::HeadNorms::kQueriesAndKeys;
  refuse_experts(json, where);
  refuse_foreign_keys(json, where);
  const std::string activation = json_string_if(json, "hidden_act", where).value_or("silu");
  if (activation != "silu" && activation != "swish") {
    throw Error(where, fmt::format("\"hidden_act\" is \"{}\"", activation), "\"silu\"");
  }
  parse_sizes(json, where, facts, config);
  config.sliding_window = parse_sliding_window(json, where, facts, config.layers);
  parse_rope(json, where, config);
  config.rms_norm_epsilon = json_number_if(json, "rms_norm_eps", where).value_or(1e-6);
  if (!(config.rms_norm_epsilon >= 0 && config.rms_norm_epsilon < 1)) {
    throw Error(where, fmt::format("\"rms_norm_eps\" is {}", config.rms_norm_epsilon), "0 or more and below 1");
  }
  config.tied_embeddings = json_bool_if(json, "tie_word_embeddings", where).value_or(false);
  parse_biases(json, where, facts, config);
  config.stored_type = parse_stored_type(json, where);
  parse_tokens(json, where, config);
  return config;
}

}  // namespace qreason
