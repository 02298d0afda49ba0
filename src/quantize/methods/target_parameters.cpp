#include "quantize/methods/target_parameters.h"

#include <fmt/format.h>

#include "base/error.h"
#include "quantize/passes/set_activation_format.h"
#include "quantize/passes/set_kv_format.h"

namespace qreason {
namespace {

Symmetry symmetry_of(bool symmetric) {
  return symmetric ? Symmetry::kSymmetric : Symmetry::kAsymmetric;
}

std::int64_t read_group(ParameterReader& parameters, const std::string& key, std::int64_t fallback) {
  const std::int64_t group = parameters.integer(key, fallback);
  if (group < -1 || group > (1 << 24)) {
    throw Error::usage(parameters.where() + ": " + key, fmt::format("{}", group), "a positive number, or 0 for none");
  }
  return std::max<std::int64_t>(group, 0);
}

float read_clip(ParameterReader& parameters, const std::string& key, double fallback) {
  const double clip = parameters.number(key, fallback);
  if (!(clip > 0) || clip > 1) throw Error::usage(parameters.where() + ": " + key, fmt::format("{}", clip), "(0, 1]");
  return static_cast<float>(clip);
}

ScaleType read_scale_type(ParameterReader& parameters) {
  const std::string text = parameters.text("scale_type", "float32");
  if (text == "float32") return ScaleType::kFloat32;
  if (text == "float16") return ScaleType::kFloat16;
  if (text == "bfloat16") return ScaleType::kBFloat16;
  throw Error::usage(parameters.where() + ": scale_type", text, "float32, float16 or bfloat16");
}

void set_cache_format(std::optional<QuantFormat>& format, float clip, std::int64_t group) {
  format = format->clipped(clip);
  if (group == 0) return;
  format->granularity = Granularity::kTokenGroup;
  format->group_size = static_cast<int>(group);
}

}  // namespace

// Parameters of what the target does not quantize are not asked for, so that giving one is an error.
void apply_weight_parameters(Target& target, ParameterReader& parameters) {
  if (!target.weight) return;
  set_group(target, read_group(parameters, "group", target.weight->group_size), parameters.where() + ": group");
  target.weight->symmetry = symmetry_of(parameters.flag("symmetric", target.per_channel()));
  target.weight->scale_type = read_scale_type(parameters);
}

void apply_range_search(Target& target, ParameterReader& parameters, RangeSearch search) {
  if (!target.weight) return;
  const bool searched = parameters.flag("mse_search", search == RangeSearch::kMse);
  target.weight->search = searched ? RangeSearch::kMse : RangeSearch::kNone;
}

void apply_runtime_parameters(Target& target, ParameterReader& parameters, const MethodClips& ratios) {
  if (target.activation) {
    target.activation->symmetry = symmetry_of(parameters.flag("activation_symmetric", false));
    target.activation = target.activation->clipped(read_clip(parameters, "activation_clip", ratios.activation));
  }
  if (!target.keys && !target.values) return;
  const std::int64_t group = read_group(parameters, "kv_group", 0);
  if (target.keys) set_cache_format(target.keys, read_clip(parameters, "key_clip", ratios.cache), group);
  if (target.values) set_cache_format(target.values, read_clip(parameters, "value_clip", ratios.cache), group);
}

CalibrationSpec read_calibration(ParameterReader& parameters, CalibrationSpec defaults) {
  defaults.samples = parameters.integer("samples", defaults.samples);
  defaults.length = parameters.integer("length", defaults.length);
  defaults.cut = read_sample_cut(parameters, defaults.cut);
  return defaults;
}

GptqSettings per_channel_gptq() {
  GptqSettings settings;
  settings.order = ColumnOrder::kAsStored;
  settings.options.groups = GroupTiming::kDynamic;
  return settings;
}

Recipe runtime_recipe(const Target& target) {
  Recipe recipe{.name = target.name, .tensor_parallel = target.tensor_parallel};
  if (target.activation) recipe.passes.push_back(set_activation_format(*target.activation));
  if (target.keys || target.values) recipe.passes.push_back(set_kv_format(target.keys, target.values));
  return recipe;
}

}  // namespace qreason
