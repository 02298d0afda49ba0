#include "quantize/methods/target_parameters.h"

#include <fmt/format.h>

#include <charconv>

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
    throw Error::usage(parameters.where() + ": " + key, fmt::format("{}", group),
                       "a positive number, or 0 or -1 for none");
  }
  return std::max<std::int64_t>(group, 0);
}

float read_clip(ParameterReader& parameters, const std::string& key, double fallback) {
  const double clip = parameters.number(key, fallback);
  if (!(clip > 0) || clip > 1) throw Error::usage(parameters.where() + ": " + key, fmt::format("{}", clip), "(0, 1]");
  return static_cast<float>(clip);
}

void set_cache_format(std::optional<QuantFormat>& format, float clip, std::int64_t group) {
  format = format->clipped(clip);
  if (group == 0) return;
  format->granularity = Granularity::kTokenGroup;
  format->group_size = static_cast<int>(group);
}

// "2,3,4" or "2g32,3,3g128": bits, with a group where it is not the name's.
std::vector<QuantFormat> read_candidates(ParameterReader& parameters, const QuantFormat& format) {
  const std::string text = parameters.text_or_number("candidates", "2,3,4,5");
  const auto refuse = [&] {
    throw Error::usage(parameters.where() + ": candidates", text,
                       "bits from 2 to 8, with or without a group: 2g32,3,4");
  };
  std::vector<QuantFormat> candidates;
  std::string_view rest = text;
  const auto number = [&](int lowest, int highest) {
    int value = 0;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc() || value < lowest || value > highest) refuse();
    rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
    return value;
  };
  for (;;) {
    QuantFormat candidate = format;
    candidate.bits = number(2, 8);
    if (rest.starts_with('g')) {
      rest.remove_prefix(1);
      candidate.group_size = number(1, 1 << 24);
      candidate.granularity = Granularity::kGroup;
    }
    candidates.push_back(candidate);
    if (rest.empty()) return candidates;
    if (!rest.starts_with(',')) refuse();
    rest.remove_prefix(1);
  }
}

}  // namespace

ScaleType read_scale_type(ParameterReader& parameters) {
  const std::string text = parameters.text("scale_type", "float32");
  if (text == "float32") return ScaleType::kFloat32;
  if (text == "float16") return ScaleType::kFloat16;
  if (text == "bfloat16") return ScaleType::kBFloat16;
  throw Error::usage(parameters.where() + ": scale_type", text, "float32, float16 or bfloat16");
}

// Parameters of what the target does not quantize are not asked for, so that giving one is an error.
void apply_weight_parameters(Target& target, ParameterReader& parameters) {
  if (!target.weight) return;
  if (parameters.has("budget")) {
    set_budget(target, parameters.number("budget", 0), parameters.where() + ": budget");
  }
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
  defaults.samples = parameters.count("samples", defaults.samples);
  defaults.length = parameters.count("length", defaults.length);
  defaults.cut = read_sample_cut(parameters, defaults.cut);
  return defaults;
}

WeightRounding add_weight_rounding(Recipe& recipe, Target& target, ParameterReader& parameters,
                                   TrialRounding rounding) {
  if (!target.budget) {
    for (const char* key : {"candidates", "sensitivity_tokens"}) {
      if (parameters.has(key)) {
        throw Error::usage(parameters.where(), fmt::format("{} without a budget", key), "budget = bits a weight");
      }
    }
    return {.format = *target.weight};
  }
  FormatBudget budget{.bits = *target.budget, .candidates = read_candidates(parameters, *target.weight)};
  SensitivitySettings settings{.formats = budget.candidates, .rounding = rounding};
  settings.tokens = parameters.count("sensitivity_tokens", settings.tokens);
  recipe.passes.push_back(measure_sensitivity(settings));
  return {.budget = std::move(budget)};
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
