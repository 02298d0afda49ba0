#include "quantize/methods/method_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "quantize/methods/methods.h"
#include "quantize/passes/round_embeddings.h"

namespace qreason {
namespace {

using Parameters = std::vector<MethodParameter>;

Parameters weight_parameters() {
  return {
      {"symmetric", "false with groups, true per channel", "codes around zero, without zero points"},
      {"group", "as in the method's name", "columns that share a scale, where the name does not say; 0: per channel"},
      {"scale_type", "float32", "float16 or bfloat16: scales as they will be stored, before anything is rounded"}};
}

Parameters budget_parameters() {
  return {
      {"budget", "none", "bits a weight instead of w<bits>, scales and all: each linear takes its part (b<bits>)"},
      {"candidates", "2,3,4,5", "under a budget, bits that a linear may take, groups where they are others: 2g32,3,4"},
      {"sensitivity_tokens", "1024", "under a budget, tokens on which each linear's divergence is measured"}};
}

Parameters range_search(std::string_view fallback) {
  return {{"mse_search", fallback, "shrink every range to the least |error|^2.4 (80 steps)"}};
}

Parameters runtime_parameters(std::string_view activation_clip = "1.0", std::string_view cache_clip = "1.0") {
  return {{"activation_symmetric", "false", "activations without zero points"},
          {"activation_clip", activation_clip, "ratio by which the range of an activation row is cut"},
          {"key_clip", cache_clip, "the same for keys"},
          {"value_clip", cache_clip, "the same for values"},
          {"kv_group", "0", "values of a cache row that share a scale; 0: a head"}};
}

Parameters gptq_parameters(std::string_view order_fallback) {
  return {{"act_order", order_fallback, "columns in descending order of the Hessian's diagonal"},
          {"static_groups", order_fallback, "scales of all groups from the original weights"},
          {"damping", "0.01", "share of the mean diagonal added to the Hessian's; raised by 0.0015 where it must be"},
          {"block_size", "128", "columns rounded before the rest is updated"},
          {"asymmetric_calibration", "false", "make up for what was rounded before as well (GPTAQ, Li et al. 2025)"}};
}

struct CalibrationDefaults {
  std::string_view samples = "128", length = "2048", cut = "windows", what = "calibration samples";
};

Parameters calibration_parameters(const CalibrationDefaults& defaults = {}) {
  return {
      {"samples", defaults.samples, defaults.what},
      {"length", defaults.length, "tokens of a sample (at most what the model has positions for)"},
      {"cut", defaults.cut, "windows at random starts; texts, each cut; whole-texts, packed, none cut; short-texts"}};
}

Parameters awq_parameters() {
  return {{"search_steps", "20", "ratios tried for the scales of a group of linears: 0, 1/N, 2/N, .."},
          {"duo_scaling", "false", "scales by activations and weights, as AutoAWQ has them, not by activations alone"},
          {"clip", "true", "cut the ranges of weight groups where that changes the outputs less"}};
}

Parameters kvquant_parameters() {
  return {{"pre_bias_keys", "auto", "keys rounded before their bias; auto: where it is large; true, false"},
          {"key_clip", "1.0", "ratio by which the measured range of a key channel is cut"},
          {"value_clip", "1.0", "ratio by which the range of values is cut"},
          {"kv_group", "0", "values of a cache row that share a scale; 0: a head"}};
}

Parameters rotation_parameters() {
  return {{"rotation_signs", "drawn by MT19937 from seed 0",
           "signs of the residual rotation: + and -, one a channel, or a .safetensors file with `signs`"},
          {"full_output_rotation", "false", "the inputs of o rotated across heads too, online (-tp1 alone)"}};
}

Parameters block_rotation_parameters() {
  return {
      {"block_rotation", "false", "every group of the linears' inputs rotated by a Hadamard matrix before rounding"}};
}

Parameters flatquant_parameters() {
  return {{"epochs", "15", "times that training goes over the calibration windows"},
          {"batch_size", "4", "windows of a training step"},
          {"learning_rate", "0.005", "of transforms and diagonals; falls to 5e-6"},
          {"clip_learning_rate", "0.05", "of clip ratios"},
          {"parametrization", "inverse", "how transforms are learned: as matrices, or svd: U diag(s) V"},
          {"learn_on", "float", "inputs of a block: float, or rounded: those of the model as quantized so far"},
          {"batch_order", "shuffled", "order of the windows: shuffled, sequential, or .safetensors with order"},
          {"initial_state", "", "a .safetensors file with tensors layers.I.NAME to start from"},
          {"skip_blocks", "", "blocks that stay float: last, or numbers (0,5)"}};
}

Parameters fp8_parameters() {
  return {
      {"scale_type", "float32", "float16 or bfloat16: scales of weights and of a static cache as they will be stored"},
      {"static_cache", "false", "one calibrated scale for all keys of a block and one for its values"}};
}

Parameters embedding_parameters() {
  return {{"embedding", "none", "the format that the embedding is rounded to, and with it a tied head: w8g64-sym"},
          {"head", "none", "the same of a head of its own"}};
}

Parameters joined(std::initializer_list<Parameters> lists) {
  Parameters all;
  for (const Parameters& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

std::vector<Method> with_embedding_parameters(std::vector<Method> methods) {
  for (Method& method : methods) {
    for (const MethodParameter& parameter : embedding_parameters()) method.parameters.push_back(parameter);
  }
  return methods;
}

// Before a method takes a name's formats: who has no budget would take its nominal bits for it.
void check_budget(const Target& target, const Method& row, ParameterReader& parameters) {
  const bool asked = target.budget || target.open_bits;
  const bool known = std::any_of(row.parameters.begin(), row.parameters.end(),
                                 [](const MethodParameter& parameter) { return parameter.name == "budget"; });
  if (asked && !known) {
    throw Error::usage("method " + target.name, "a budget of bits", fmt::format("w<bits>: {} has none", row.name));
  }
  if (target.open_bits && !parameters.has("budget")) {
    throw Error::usage("method " + target.name, "weights without bits", "w<bits>, b<bits a weight> or --set budget=");
  }
}

}  // namespace

const std::vector<Method>& all_methods() {
  static const std::vector<Method> kMethods = with_embedding_parameters({
      {"rtn", "rounding to nearest, weights alone or with activations and cache",
       "rtn-w4g128, rtn-w8a8kv8, rtn-b3.5g64", rtn,
       joined(
           {weight_parameters(), budget_parameters(), range_search("false"), runtime_parameters(),
            calibration_parameters({.samples = "4", .length = "512", .what = "under a budget, calibration samples"})})},
      {"gptq", "column-wise rounding that makes up for each column's error (Frantar et al. 2022)",
       "gptq-w4g128, gptq-w4c, gptq-b3.5g64", gptq,
       joined({weight_parameters(), budget_parameters(), range_search("true"),
               gptq_parameters("true with groups, false per channel"), calibration_parameters(),
               runtime_parameters()})},
      {"awq", "scales and clips that protect the channels with large activations (Lin et al. 2024)",
       "awq-w4g128, awq-w3g128, awq-b3.5g128", awq,
       joined({weight_parameters(), budget_parameters(), awq_parameters(),
               calibration_parameters({.length = "512",
                                       .cut = "short-texts",
                                       .what = "texts of the Pile; of another source calibration windows"}),
               runtime_parameters()})},
      {"smoothquant", "outlier channels of activations into the weights, then GPTQ (Xiao et al. 2023)",
       "smoothquant-w8a8kv8, smoothquant-w8a8kv8-tp2", smoothquant,
       joined({{{"alpha", "0.85", "how much of the outliers goes into the weights, 0 to 1"}},
               weight_parameters(),
               range_search("true"),
               gptq_parameters("false"),
               calibration_parameters(),
               runtime_parameters()})},
      {"kvquant_star", "keys before RoPE, per channel with measured ranges; values per token (Hooper et al. 2024)",
       "kvquant_star-kv4, kvquant_star-k4v3", kvquant_star,
       joined({kvquant_parameters(),
               calibration_parameters({.samples = "512",
                                       .length = "512",
                                       .cut = "texts",
                                       .what = "calibration texts; windows where the source is one text"})})},
      {"quarot", "rotations by Hadamard matrices, then GPTQ; of the cache alone keys rotated (Ashkboos et al. 2024)",
       "quarot-kv4, quarot-w4a4kv4", quarot,
       joined({rotation_parameters(), weight_parameters(), range_search("true"),
               gptq_parameters("true with groups, false per channel"), calibration_parameters(),
               runtime_parameters("0.9", "0.95")})},
      {"mxfp4", "MXFP4: E2M1 with an E8M0 scale for 32 numbers, rounded to nearest", "mxfp4-w4a4kv4, mxfp4-w4",
       microscaling, block_rotation_parameters(), "mxfp4"},
      {"nvfp4", "NVFP4: E2M1 with an E4M3 scale for 16 numbers, rounded to nearest", "nvfp4-w4a4kv4, nvfp4-w4",
       microscaling, block_rotation_parameters(), "nvfp4"},
      {"fp8", "FP8 (E4M3): a scale for a channel, a token, a head; rounded to nearest", "fp8-w8, fp8-w8a8kv8", fp8,
       joined({fp8_parameters(), calibration_parameters({.what = "of a static cache, calibration samples"})}),
       "fp8e4m3"},
      {"flatquant", "transforms and clips learned block by block (Sun et al. 2024)", "flatquant-w4a4kv4", flatquant,
       joined({flatquant_parameters(), calibration_parameters()})},
  });
  return kMethods;
}

const Method& find_method(const std::string& name) {
  std::vector<std::string_view> known;
  for (const Method& method : all_methods()) {
    if (method.name == name) return method;
    known.push_back(method.name);
  }
  throw Error::usage("method " + name, "an unknown method", fmt::format("{}", fmt::join(known, ", ")));
}

Recipe make_recipe(std::string_view name, const ParameterMap& parameters, std::optional<int> tensor_parallel) {
  const std::string method(name.substr(0, name.find('-')));
  ParameterReader reader(parameters, fmt::format("--set for {}", method));
  const Method& row = find_method(method);
  Target target = parse_target(name, row.own_numbers);
  if (tensor_parallel) set_tensor_parallel(target, *tensor_parallel, "--tp");
  check_budget(target, row, reader);
  Recipe recipe = row.make(std::move(target), reader);
  add_embedding_formats(recipe, reader);
  reader.refuse_unknown();
  return recipe;
}

ParameterMap parse_assignments(std::span<const std::string> assignments) {
  ParameterMap parameters;
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) throw Error::usage("--set", assignment, "key=value");
    const auto value = parse_parameter_value(assignment.substr(equals + 1));
    if (!parameters.emplace(assignment.substr(0, equals), value).second) {
      throw Error::usage("--set", assignment, "every key once");
    }
  }
  return parameters;
}

}  // namespace qreason
