// How a model's rotary frequencies are stretched to longer contexts: the rope types of transformers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/json.h"

namespace qreason {

// Llama 3.1 ("llama3"): long wavelengths are divided by the factor, short ones stay, those between blend.
struct Llama3RopeScaling {
  double factor = 1;
  double low_frequency_factor = 1;
  double high_frequency_factor = 4;
  std::int64_t original_max_positions = 8192;
  bool operator==(const Llama3RopeScaling&) const = default;
};

// Position interpolation (Chen et al., arXiv 2306.15595), "linear": every frequency over the factor.
struct LinearRopeScaling {
  double factor = 1;
  std::int64_t original_max_positions = 0;  // max_position_embeddings of the config
  bool operator==(const LinearRopeScaling&) const = default;
};

// NTK-aware scaling by length, "dynamic": a sequence of n > original positions has the base
// theta (factor n / original - (factor - 1))^(d / (d - 2)), d the head's length; a shorter one has theta.
struct DynamicRopeScaling {
  double factor = 1;
  std::int64_t original_max_positions = 0;  // max_position_embeddings of the config
  bool operator==(const DynamicRopeScaling&) const = default;
};

// YaRN (Peng et al., arXiv 2309.00071), "yarn": pairs that turn more than beta_fast times over the original context
// keep their frequency, those that turn less than beta_slow times have it over the factor, a ramp lies between; cosine
// and sine are multiplied by an attention factor (1 + 0.1 ln factor, unless the file says otherwise).
struct YarnRopeScaling {
  enum class Range { kWholePairs, kExact };  // whether the ends of the ramp are rounded outwards ("truncate")

  double factor = 1;
  std::int64_t original_max_positions = 0;
  double beta_fast = 32, beta_slow = 1;
  Range range = Range::kWholePairs;
  std::optional<double> attention_factor, mscale, mscale_all_dim;
  bool operator==(const YarnRopeScaling&) const = default;
};

using RopeScaling = std::variant<Llama3RopeScaling, LinearRopeScaling, DynamicRopeScaling, YarnRopeScaling>;

// What a rope object may leave out: the config's max_position_embeddings and original_max_position_embeddings.
struct RopeContext {
  std::int64_t max_positions = 0;
  std::optional<std::int64_t> original_max_positions;
};

// Of a "rope_scaling" or "rope_parameters" object whose rope_type is `type`; nullopt when it is none of these. Errors
// name `where` and the key; a key of transformers that this type does not read is one.
std::optional<RopeScaling> parse_rope_scaling(const Json& rope, const std::string& type, const RopeContext& context,
                                              const std::string& where);
OrderedJson to_json(const RopeScaling& scaling);
std::string describe(const RopeScaling& scaling);  // "yarn: factor 4, original context 32768"

// The positions that a model may use whose config says `max_positions`: as many as the scaling was made for.
std::int64_t scaled_max_positions(const std::optional<RopeScaling>& scaling, std::int64_t max_positions);

}  // namespace qreason
