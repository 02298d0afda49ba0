// What a decoder is made of: the fields of config.json, checked one by one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/architecture.h"
#include "model/rope_scaling.h"
#include "model/site.h"
#include "model/sliding_window.h"

namespace qreason {

enum class StoredType { kFloat32, kBFloat16, kFloat16 };

struct ModelConfig {
  Architecture architecture = Architecture::kLlama;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t vocab_size = 0;
  std::int64_t max_positions = 0;  // max_position_embeddings, or what the scaling stretches it to
  double rope_theta = 10000;
  std::optional<RopeScaling> rope_scaling;
  std::vector<float> rope_frequency_divisors;  // GGUF's rope_freqs.weight [head_dim / 2]; empty otherwise
  double rms_norm_epsilon = 1e-6;
  bool tied_embeddings = false;
  bool qkv_bias = false;
  bool output_bias = false;  // o_proj (attention_bias gives q, k, v and o a bias)
  bool mlp_bias = false;
  bool query_key_norm = false;  // an RMS norm over every head of the queries and of the keys, before RoPE
  std::optional<SlidingWindow> sliding_window;
  StoredType stored_type = StoredType::kFloat32;
  std::optional<std::int64_t> bos_token;
  std::vector<std::int64_t> eos_tokens;
};

// Reads the old keys (rope_theta, rope_scaling, torch_dtype) and the form transformers 5 writes (rope_parameters,
// dtype). A field with a value that the decoder does not implement (other activation, another rope type, experts, ...)
// is an Error that names field and value. Sizes are checked for range and divisibility before use.
ModelConfig parse_model_config(const Json& json, const std::string& where);

// The config.json of Hugging Face for this model, old keys.
OrderedJson to_hf_json(const ModelConfig& config);

std::int64_t parameter_count(const ModelConfig& config);

// The norms that the blocks have, and the length of a gain: of all channels, or of a head.
std::span<const BlockNorm> block_norms(const ModelConfig& config);
std::int64_t norm_width(const ModelConfig& config, BlockNorm norm);

// Positions that a query of the layer attends to, its own the last; 0: all up to its own.
std::int64_t attention_window(const ModelConfig& config, std::int64_t layer);

// The weight [rows, columns] = [out, in] of a block's linear, and whether the class gives it a bias.
struct LinearShape {
  std::int64_t rows = 0, columns = 0;
  bool has_bias = false;
};
LinearShape linear_shape(const ModelConfig& config, LinearSlot slot);
// Values in a row at a site: what its linears read, or all heads of a key or value.
std::int64_t site_width(const ModelConfig& config, Site site);

// Inverse frequency of each of head_dim/2 rotary pairs, scaling applied: every step rounded to float32 as transformers
// does it, because the last bit, times a position of some hundreds, shows in the logits. Those of "dynamic" scaling
// depend on the length of the sequence (DynamicRopeScaling); up to the original context they are the unscaled ones.
std::vector<float> rope_inverse_frequencies(const ModelConfig& config, std::int64_t length = 0);

// What cosine and sine are multiplied by: YaRN's attention factor, 1 for every other type.
double rope_attention_factor(const ModelConfig& config);

}  // namespace qreason
