#include "quantize/methods/method_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "quantize/methods/methods.h"

namespace qreason {
namespace {

using Parameters = std::vector<MethodParameter>;

Parameters weight_parameters(std::string_view search_fallback) {
  return {
      {"symmetric", "false with groups, true per channel", "codes around zero, without zero points"},
      {"mse_search", search_fallback, "shrink every range to the least |error|^2.4 (80 steps)"},
      {"group", "as in the method's name", "columns that share a scale, where the name does not say; 0: per channel"},
      {"scale_type", "float32", "float16 or bfloat16: scales as they will be stored, before anything is rounded"}};
}

Parameters runtime_parameters() {
  return {{"activation_symmetric", "false", "activations without zero points"},
          {"activation_clip", "1.0", "ratio by which the range of an activation row is cut"},
          {"key_clip", "1.0", "the same for keys"},
          {"value_clip", "1.0", "the same for values"},
          {"kv_group", "0", "values of a cache row that share a scale; 0: a head"}};
}

Parameters gptq_parameters() {
  return {{"act_order", "true with groups, false per channel", "columns in descending order of the Hessian's diagonal"},
          {"static_groups", "true with groups, false per channel", "scales of all groups from the original weights"},
          {"damping", "0.01", "share of the mean diagonal added to the Hessian's; raised by 0.0015 where it must be"},
          {"block_size", "128", "columns rounded before the rest is updated"},
          {"samples", "128", "calibration windows"},
          {"length", "2048", "tokens of a window (at most what the model has positions for)"}};
}

Parameters joined(std::initializer_list<Parameters> lists) {
  Parameters all;
  for (const Parameters& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

}  // namespace

const std::vector<Method>& all_methods() {
  static const std::vector<Method> kMethods{
      {"rtn", "rounding to nearest, weights alone or with activations and cache", "rtn-w4g128, rtn-w8a8kv8", rtn,
       joined({weight_parameters("false"), runtime_parameters()})},
      {"gptq", "column-wise rounding that makes up for each column's error (Frantar et al. 2022)",
       "gptq-w4g128, gptq-w4c", gptq, joined({weight_parameters("true"), gptq_parameters(), runtime_parameters()})},
  };
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
  Target target = parse_target(name);
  if (tensor_parallel) set_tensor_parallel(target, *tensor_parallel, "--tp");
  Recipe recipe = row.make(std::move(target), reader);
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
