#include "model/rope_scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string_view>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::int64_t kMaxPositions = std::int64_t{1} << 30;
constexpr double kMaxFactor = 1e6;

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

std::optional<double> number_within(const Json& json, const char* key, double low, double high,
                                    const std::string& where) {
  const auto value = json_number_if(json, key, where);
  if (value && !(*value >= low && *value <= high)) {
    throw Error(where, fmt::format("\"{}\" is {}", key, *value), fmt::format("{} to {}", low, high));
  }
  return value;
}

double factor_of(const Json& json, const std::string& where) {
  json_member(json, "factor", where);
  return *number_within(json, "factor", 1, kMaxFactor, where);
}

std::optional<std::int64_t> positions_of(const Json& json, const std::string& where) {
  constexpr const char* kKey = "original_max_position_embeddings";
  const auto value = json_int_if(json, kKey, where);
  if (value && (*value < 1 || *value > kMaxPositions)) {
    throw Error(where, fmt::format("\"{}\" is {}", kKey, *value), fmt::format("1 to {}", kMaxPositions));
  }
  return value;
}

// A key that another type reads would be ignored here; whoever wrote it meant something.
void refuse_keys(const Json& json, const std::string& type, std::initializer_list<const char*> keys,
                 const std::string& where) {
  for (const char* key : keys) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) continue;
    throw Error(where, fmt::format("\"{}\" with the rope_type \"{}\"", key, type),
                "only the keys that this type reads");
  }
}

Llama3RopeScaling parse_llama3(const Json& json, const RopeContext& context, const std::string& where) {
  refuse_keys(json, "llama3",
              {"attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate", "short_factor",
               "long_factor"},
              where);
  Llama3RopeScaling scaling;
  scaling.factor = factor_of(json, where);
  scaling.low_frequency_factor = json_number(json, "low_freq_factor", where);
  scaling.high_frequency_factor = json_number(json, "high_freq_factor", where);
  const auto own = positions_of(json, where);
  scaling.original_max_positions = context.original_max_positions.value_or(own.value_or(context.max_positions));
  const bool ordered = scaling.low_frequency_factor > 0 &&
                       scaling.high_frequency_factor > scaling.low_frequency_factor &&
                       std::isfinite(scaling.high_frequency_factor);
  if (!ordered) {
    throw Error(where,
                fmt::format("\"low_freq_factor\" is {} and \"high_freq_factor\" is {}", scaling.low_frequency_factor,
                            scaling.high_frequency_factor),
                "0 < low < high");
  }
  return scaling;
}

// "linear" and "dynamic" stretch max_position_embeddings and know no other length.
double plain_factor(const Json& json, const std::string& type, const RopeContext& context, const std::string& where) {
  refuse_keys(json, type,
              {"attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate", "low_freq_factor",
               "high_freq_factor", "short_factor", "long_factor"},
              where);
  if (const auto original = positions_of(json, where); original && *original != context.max_positions) {
    throw Error(
        where, fmt::format("\"original_max_position_embeddings\" is {}", *original),
        fmt::format("max_position_embeddings, {}, which the type \"{}\" stretches", context.max_positions, type));
  }
  return factor_of(json, where);
}

YarnRopeScaling parse_yarn(const Json& json, const RopeContext& context, const std::string& where) {
  refuse_keys(json, "yarn", {"low_freq_factor", "high_freq_factor", "short_factor", "long_factor"}, where);
  YarnRopeScaling scaling;
  const auto own = positions_of(json, where);
  scaling.original_max_positions = context.original_max_positions.value_or(own.value_or(context.max_positions));
  const auto ratio = static_cast<double>(context.max_positions) / static_cast<double>(scaling.original_max_positions);
  scaling.factor = number_within(json, "factor", 1, kMaxFactor, where).value_or(ratio);
  // 0 is "not said" in transformers.
  const auto beta = [&](const char* key, double fallback) {
    const double value = number_within(json, key, 0, kMaxFactor, where).value_or(0);
    return value == 0 ? fallback : value;
  };
  scaling.beta_fast = beta("beta_fast", scaling.beta_fast);
  scaling.beta_slow = beta("beta_slow", scaling.beta_slow);
  if (scaling.beta_fast < scaling.beta_slow) {
    throw Error(where, fmt::format("\"beta_fast\" {} below \"beta_slow\" {}", scaling.beta_fast, scaling.beta_slow),
                "beta_fast >= beta_slow");
  }
  if (!json_bool_if(json, "truncate", where).value_or(true)) scaling.range = YarnRopeScaling::Range::kExact;
  scaling.attention_factor = number_within(json, "attention_factor", 0, kMaxFactor, where);
  scaling.mscale = number_within(json, "mscale", 0, kMaxFactor, where);
  scaling.mscale_all_dim = number_within(json, "mscale_all_dim", 0, kMaxFactor, where);
  return scaling;
}

OrderedJson yarn_json(const YarnRopeScaling& scaling) {
  OrderedJson json{{"factor", scaling.factor},
                   {"original_max_position_embeddings", scaling.original_max_positions},
                   {"beta_fast", scaling.beta_fast},
                   {"beta_slow", scaling.beta_slow}};
  if (scaling.attention_factor) json["attention_factor"] = *scaling.attention_factor;
  if (scaling.mscale) json["mscale"] = *scaling.mscale;
  if (scaling.mscale_all_dim) json["mscale_all_dim"] = *scaling.mscale_all_dim;
  if (scaling.range == YarnRopeScaling::Range::kExact) json["truncate"] = false;
  json["rope_type"] = "yarn";
  return json;
}

}  // namespace

std::optional<RopeScaling> parse_rope_scaling(const Json& rope, const std::string& type, const RopeContext& context,
                                              const std::string& where) {
  if (type == "llama3") return parse_llama3(rope, context, where);
  if (type == "linear") return LinearRopeScaling{plain_factor(rope, type, context, where), context.max_positions};
  if (type == "dynamic") return DynamicRopeScaling{plain_factor(rope, type, context, where), context.max_positions};
  if (type == "yarn") return parse_yarn(rope, context, where);
  return std::nullopt;
}

OrderedJson to_json(const RopeScaling& scaling) {
  return std::visit(Overloaded{[](const Llama3RopeScaling& s) {
                                 return OrderedJson{{"factor", s.factor},
                                                    {"low_freq_factor", s.low_frequency_factor},
                                                    {"high_freq_factor", s.high_frequency_factor},
                                                    {"original_max_position_embeddings", s.original_max_positions},
                                                    {"rope_type", "llama3"}};
                               },
                               [](const LinearRopeScaling& s) {
                                 return OrderedJson{{"factor", s.factor}, {"rope_type", "linear"}};
                               },
                               [](const DynamicRopeScaling& s) {
                                 return OrderedJson{{"factor", s.factor}, {"rope_type", "dynamic"}};
                               },
                               [](const YarnRopeScaling& s) { return yarn_json(s); }},
                    scaling);
}

std::string describe(const RopeScaling& scaling) {
  return std::visit(
      Overloaded{
          [](const Llama3RopeScaling& s) {
            return fmt::format("llama3 scaling: factor {}, low {}, high {}, original context {}", s.factor,
                               s.low_frequency_factor, s.high_frequency_factor, s.original_max_positions);
          },
          [](const LinearRopeScaling& s) {
            return fmt::format("linear scaling: factor {}, original context {}", s.factor, s.original_max_positions);
          },
          [](const DynamicRopeScaling& s) {
            return fmt::format("dynamic scaling: factor {}, original context {}", s.factor, s.original_max_positions);
          },
          [](const YarnRopeScaling& s) {
            return fmt::format("yarn scaling: factor {}, betas {} and {}, original context {}", s.factor, s.beta_fast,
                               s.beta_slow, s.original_max_positions);
          }},
      scaling);
}

std::int64_t scaled_max_positions(const std::optional<RopeScaling>& scaling, std::int64_t max_positions) {
  if (!scaling) return max_positions;
  const auto stretched = [&](double factor, std::int64_t original) {
    const double positions = std::floor(factor * static_cast<double>(original));
    return std::max(max_positions, static_cast<std::int64_t>(std::min(positions, double{kMaxPositions})));
  };
  return std::visit(Overloaded{[&](const Llama3RopeScaling&) { return max_positions; },
                               [&](const auto& s) { return stretched(s.factor, s.original_max_positions); }},
                    *scaling);
}

}  // namespace qreason
