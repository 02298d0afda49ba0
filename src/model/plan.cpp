#include "model/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::array kPlanKeys{"weights", "activations", "keys", "values", "tensor_parallel"};

QuantFormat parse_format(const std::string& text, const std::string& where) {
  try {
    return parse_quant_format(text);
  } catch (const Error& failure) {
    throw Error(where, failure.what());
  }
}

QuantFormat format_of_role(const Json& value, const std::string& where, std::vector<Role> roles) {
  if (!value.is_string())
    throw Error(where, fmt::format("a JSON {}", value.type_name()), "a format such as w4g128-asym");
  const auto text = value.get<std::string>();
  const QuantFormat format = parse_format(text, where);
  if (std::find(roles.begin(), roles.end(), format.role) == roles.end()) {
    throw Error(where, fmt::format("the format {}", text), "a format of another role here");
  }
  return format;
}

template <class Key, class Keys>
Key key_named(const std::string& name, const Keys& keys, const std::string& where) {
  for (const Key key : keys) {
    if (name_of(key) == name) return key;
  }
  std::string known;
  for (const Key key : keys) known += fmt::format("{}{}", known.empty() ? "" : ", ", name_of(key));
  throw Error(where, fmt::format("\"{}\"", name), "one of " + known);
}

template <class Key, class Keys>
std::map<Key, QuantFormat> parse_formats(const Json& plan, const char* member, const Keys& keys, Role role,
                                         const std::string& where) {
  std::map<Key, QuantFormat> formats;
  const auto found = plan.find(member);
  if (found == plan.end() || found->is_null()) return formats;
  const std::string inner = where + "." + member;
  if (!found->is_object()) throw Error(inner, fmt::format("a JSON {}", found->type_name()), "an object");
  for (const auto& [name, value] : found->items()) {
    formats[key_named<Key>(name, keys, inner)] = format_of_role(value, inner + "." + name, {role});
  }
  return formats;
}

std::optional<QuantFormat> parse_cache_format(const Json& plan, const char* member, Role role,
                                              const std::string& where) {
  const auto found = plan.find(member);
  if (found == plan.end() || found->is_null()) return std::nullopt;
  return format_of_role(*found, where + "." + member, {role, Role::kKeyValue});
}

// "4", or "3-8" where the formats of the map differ; "16" for float.
template <class Key>
std::string bits_text(const std::map<Key, QuantFormat>& formats) {
  if (formats.empty()) return "16";
  const auto by_bits = [](const auto& a, const auto& b) { return a.second.bits < b.second.bits; };
  const auto [low, high] = std::minmax_element(formats.begin(), formats.end(), by_bits);
  if (low->second.bits == high->second.bits) return fmt::format("{}", low->second.bits);
  return fmt::format("{}-{}", low->second.bits, high->second.bits);
}

}  // namespace

OrderedJson to_json(const ModelPlan& plan) {
  OrderedJson json = OrderedJson::object();
  OrderedJson weights = OrderedJson::object();
  for (const auto& [slot, format] : plan.weights) weights[std::string(name_of(slot))] = to_string(format);
  OrderedJson activations = OrderedJson::object();
  for (const auto& [site, format] : plan.activations) activations[std::string(name_of(site))] = to_string(format);
  json["weights"] = std::move(weights);
  json["activations"] = std::move(activations);
  json["keys"] = plan.keys ? OrderedJson(to_string(*plan.keys)) : OrderedJson(nullptr);
  json["values"] = plan.values ? OrderedJson(to_string(*plan.values)) : OrderedJson(nullptr);
  json["tensor_parallel"] = plan.tensor_parallel;
  return json;
}

ModelPlan parse_model_plan(const Json& json, const std::string& where) {
  if (!json.is_object()) throw Error(where, fmt::format("a JSON {}", json.type_name()), "an object");
  for (const auto& [name, value] : json.items()) {
    if (std::find(kPlanKeys.begin(), kPlanKeys.end(), name) == kPlanKeys.end()) {
      throw Error(where, fmt::format("the unknown key \"{}\"", name),
                  "weights, activations, keys, values and tensor_parallel");
    }
  }
  ModelPlan plan;
  plan.weights = parse_formats<LinearSlot>(json, "weights", kLinearSlots, Role::kWeight, where);
  plan.activations = parse_formats<Site>(json, "activations", kActivationSites, Role::kActivation, where);
  plan.keys = parse_cache_format(json, "keys", Role::kKey, where);
  plan.values = parse_cache_format(json, "values", Role::kValue, where);
  const std::int64_t degree = json_int_if(json, "tensor_parallel", where).value_or(1);
  if (degree < 1 || degree > 1024) {
    throw Error(where, fmt::format("\"tensor_parallel\" is {}", degree), "1 to 1024");
  }
  plan.tensor_parallel = static_cast<int>(degree);
  return plan;
}

std::string short_name(const ModelPlan& plan) {
  if (plan.is_float()) return "BF16";
  const int keys = plan.keys ? plan.keys->bits : 16;
  const int values = plan.values ? plan.values->bits : 16;
  const std::string cache = keys == values ? fmt::format("KV{}", keys) : fmt::format("K{}V{}", keys, values);
  return fmt::format("W{}A{}{}", bits_text(plan.weights), bits_text(plan.activations), cache);
}

}  // namespace qreason
