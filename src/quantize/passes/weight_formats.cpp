#include "quantize/passes/weight_formats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"

namespace qreason {
namespace {

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

}  // namespace

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

WeightRounding read_weight_rounding(ParameterReader& parameters) {
  const std::string text = parameters.text("format", "");
  WeightRounding rounding{.format = parse_quant_format(text)};
  const QuantFormat& format = rounding.format;
  if (format.role != Role::kWeight ||
      (format.granularity != Granularity::kGroup && format.granularity != Granularity::kChannel)) {
    throw Error::usage(parameters.where() + ": format", text,
                       "a weight format such as w4g128-asym, w8c-sym, fp8e4m3 or mxfp4");
  }
  rounding.linears = parse_linears(parameters.text("linears", "all"), parameters.where() + ": linears");
  return rounding;
}

ParameterMap parameters_of(const WeightRounding& rounding) {
  ParameterMap parameters{{"format", to_string(rounding.format)}};
  if (rounding.linears != all_linears()) parameters["linears"] = to_string(rounding.linears);
  return parameters;
}

void add_weight_formats(const ModelConfig& config, const WeightRounding& rounding, std::string_view pass,
                        ModelPlan& plan) {
  for (const LinearSlot slot : rounding.linears) {
    const std::int64_t columns = linear_shape(config, slot).columns;
    const QuantFormat own =
        is_row_parallel(slot) ? sharded(rounding.format, columns, plan.tensor_parallel) : rounding.format;
    if (own.granularity == Granularity::kGroup && columns % own.group_size != 0) {
      throw Error::usage(fmt::format("{}: {}", pass, name_of(slot)),
                         fmt::format("groups of {} in {} columns", own.group_size, columns),
                         "a group size that divides the columns of every linear");
    }
    plan.set_weight(slot, own);
  }
}

}  // namespace qreason
