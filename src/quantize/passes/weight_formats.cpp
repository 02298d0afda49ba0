#include "quantize/passes/weight_formats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"

namespace qreason {
namespace {

// A true range reaches 0 only where both signs are in the group (methods.md, section 1: codes are clipped otherwise),
// which of n random weights all have but 2^(1 - n).
constexpr int kSmallestTrueGroup = 8;

// "self_attn.q_proj" -> "q".
std::string_view short_name(LinearSlot slot) {
  std::string_view name = name_of(slot);
  name.remove_prefix(name.find('.') + 1);
  return name.substr(0, name.find("_proj"));
}

LinearSlot slot_named(std::string_view name, const std::string& where) {
  std::vector<std::string_view> known;
  for (const LinearSlot slot : kLinearSlots) {
    if (short_name(slot) == name) return slot;
    known.push_back(short_name(slot));
  }
  throw Error::usage(where, fmt::format("\"{}\"", name), fmt::format("all, or some of {}", fmt::join(known, ", ")));
}

// What the pass says with this format in every place that its rules leave to it; whole rows.
ModelPlan own_plan(const ModelConfig& config, const WeightRounding& rounding, const QuantFormat& format,
                   std::string_view pass) {
  ModelPlan own = uniform_plan(config.layers);
  for (const LinearSlot slot : rounding.linears) own.set_weight(slot, format);
  apply_pass_rules(rounding.rules, pass, own);
  return own;
}

std::vector<ModelPlan> plans_of_candidates(const ModelConfig& config, const WeightRounding& rounding,
                                           std::string_view pass) {
  std::vector<ModelPlan> plans;
  for (const QuantFormat& candidate : rounding.budget->candidates) {
    plans.push_back(own_plan(config, rounding, candidate, pass));
  }
  return plans;
}

}  // namespace

void check_weight_format(const QuantFormat& format, const std::string& where) {
  const bool divided = format.granularity == Granularity::kGroup || format.granularity == Granularity::kChannel;
  if (format.role != Role::kWeight || !divided) {
    throw Error::usage(where, to_string(format), "a weight format such as w4g128-asym, w8c-sym, fp8e4m3 or mxfp4");
  }
  const bool one_signed = format.granularity == Granularity::kGroup && format.group_size < kSmallestTrueGroup;
  if (format.rule == RangeRule::kTrueRange && one_signed) {
    throw Error::usage(
        where, to_string(format),
        fmt::format("groups of {} or more: true ranges lose weights that all have one sign", kSmallestTrueGroup));
  }
}

// The format as the linear has it at the plan's degree.
QuantFormat fitted(const QuantFormat& format, const ModelConfig& config, LinearSlot slot, std::string_view pass,
                   int degree) {
  const std::string where = fmt::format("{}: {}", pass, name_of(slot));
  check_weight_format(format, where);
  const std::int64_t columns = linear_shape(config, slot).columns;
  const QuantFormat own = is_row_parallel(slot) ? sharded(format, columns, degree) : format;
  if (own.granularity == Granularity::kGroup && columns % own.group_size != 0) {
    throw Error::usage(where, fmt::format("groups of {} in {} columns", own.group_size, columns),
                       "a group size that divides the columns of every linear");
  }
  return own;
}

LinearSet all_linears() {
  return {kLinearSlots.begin(), kLinearSlots.end()};
}

LinearSet parse_linears(const std::string& text, const std::string& where) {
  if (text == "all") return all_linears();
  LinearSet linears;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    std::string_view name = rest.substr(0, comma);
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    const LinearSlot slot = slot_named(name, where);
    if (std::find(linears.begin(), linears.end(), slot) != linears.end()) {
      throw Error::usage(where, fmt::format("{} twice", name), "every linear once");
    }
    linears.push_back(slot);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  std::sort(linears.begin(), linears.end());
  return linears;
}

std::string to_string(const LinearSet& linears) {
  if (linears == all_linears()) return "all";
  std::vector<std::string_view> names;
  for (const LinearSlot slot : linears) names.push_back(short_name(slot));
  return fmt::format("{}", fmt::join(names, ", "));
}

QuantFormat parse_format(const std::string& text, const std::string& where) {
  try {
    return parse_quant_format(text);
  } catch (const Error& error) {
    throw Error::inside(where, error);
  }
}

QuantFormat read_format(ParameterReader& parameters, const std::string& key) {
  const std::string where = parameters.where() + ": " + key;
  if (!parameters.has(key)) throw Error::usage(where, "none", "a number format such as w4g128-asym");
  return parse_format(parameters.text(key, ""), where);
}

std::optional<QuantFormat> read_format_if(ParameterReader& parameters, const std::string& key) {
  if (!parameters.has(key)) return std::nullopt;
  return read_format(parameters, key);
}

WeightRounding read_weight_rounding(ParameterReader& parameters) {
  WeightRounding rounding{.budget = read_format_budget(parameters)};
  if (rounding.budget && parameters.has("format")) {
    throw Error::usage(parameters.where(), "a format and a budget", "a format, or a budget with candidates");
  }
  if (!rounding.budget) {
    rounding.format = read_format(parameters, "format");
    check_weight_format(rounding.format, parameters.where() + ": format");
  }
  rounding.linears = parse_linears(parameters.text("linears", "all"), parameters.where() + ": linears");
  rounding.rules = read_rules(parameters);
  return rounding;
}

ParameterMap parameters_of(const WeightRounding& rounding) {
  ParameterMap parameters;
  if (rounding.budget) add_parameters(*rounding.budget, parameters);
  if (!rounding.budget) parameters["format"] = to_string(rounding.format);
  if (rounding.linears != all_linears()) parameters["linears"] = to_string(rounding.linears);
  add_rules(rounding.rules, parameters);
  return parameters;
}

void add_weight_formats(const ModelConfig& config, const WeightRounding& rounding, std::string_view pass,
                        ModelPlan& plan) {
  const ModelPlan own = rounding.budget
                            ? choose_formats(plans_of_candidates(config, rounding, pass),
                                             {*rounding.budget, config, pass, plan.tensor_parallel}, nullptr)
                            : own_plan(config, rounding, rounding.format, pass);
  for (std::size_t layer = 0; layer < own.blocks.size(); ++layer) {
    for (const auto& [slot, format] : own.blocks[layer].weights) {
      plan.blocks[layer].weights[slot] = fitted(format, config, slot, pass, plan.tensor_parallel);
    }
  }
}

std::vector<std::string_view> reads_of(const WeightRounding& rounding) {
  if (!rounding.budget) return {};
  return {"measure_sensitivity"};
}

std::vector<std::string> candidates_of(const WeightRounding& rounding) {
  return rounding.budget ? texts_of(rounding.budget->candidates) : std::vector<std::string>{};
}

std::optional<WeightRounding> decided(const WeightRounding& rounding, const Statistics& statistics,
                                      const ModelConfig& config, std::string_view pass, int tensor_parallel) {
  if (!rounding.budget) return std::nullopt;
  RuledFormats ruled = ruled_formats(choose_formats(plans_of_candidates(config, rounding, pass),
                                                    {*rounding.budget, config, pass, tensor_parallel}, &statistics),
                                     rounding.linears);
  return WeightRounding{.format = ruled.format, .linears = rounding.linears, .rules = std::move(ruled.rules)};
}

}  // namespace qreason
