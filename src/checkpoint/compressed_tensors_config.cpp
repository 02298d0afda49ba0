#include "checkpoint/compressed_tensors_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "base/error.h"
#include "base/shown_name.h"
#include "checkpoint/quantized_model.h"

namespace qreason {
namespace {

using Strategy = PackedArguments::Strategy;
using Dynamic = PackedArguments::Dynamic;

constexpr std::string_view kPattern = "re:";
constexpr std::string_view kLinearClass = "Linear";
constexpr std::int64_t kMostColumns = std::int64_t{1} << 30;

constexpr std::array kStrategies{
    std::pair{"tensor", Strategy::kTensor}, std::pair{"channel", Strategy::kChannel},
    std::pair{"group", Strategy::kGroup},   std::pair{"block", Strategy::kBlock},
    std::pair{"token", Strategy::kToken},   std::pair{"tensor_group", Strategy::kTensorGroup},
};

constexpr std::array kForms{
    std::pair{"pack-quantized", PackedForm::kPackedIntegers}, std::pair{"int-quantized", PackedForm::kIntegers},
    std::pair{"float-quantized", PackedForm::kFloats},        std::pair{"nvfp4-pack-quantized", PackedForm::kNvfp4},
    std::pair{"mxfp4-pack-quantized", PackedForm::kMxfp4},    std::pair{"mxfp8-quantized", PackedForm::kMxfp8},
};

template <class Table>
auto named(const Table& table, const std::string& name, std::string_view key, const std::string& where) {
  std::vector<std::string_view> names;
  for (const auto& [text, value] : table) {
    if (text == name) return value;
    names.push_back(text);
  }
  throw Error(where, fmt::format("\"{}\" is \"{}\"", key, shown_name(name)), fmt::format("{}", fmt::join(names, ", ")));
}

template <std::size_t n>
void require_known_keys(const Json& json, const std::array<std::string_view, n>& known, const std::string& where) {
  if (!json.is_object()) throw Error(where, fmt::format("a JSON {}", json.type_name()), "an object");
  for (const auto& [key, value] : json.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    throw Error(where, fmt::format("the unknown key \"{}\"", shown_name(key)),
                fmt::format("{}", fmt::join(known, ", ")));
  }
}

bool is_absent(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null();
}

// As the library fills it in: from the group size.
Strategy parse_strategy(const Json& json, const std::string& where) {
  if (const auto name = json_string_if(json, "strategy", where)) return named(kStrategies, *name, "strategy", where);
  const auto group = json_int_if(json, "group_size", where);
  if (!group) return Strategy::kTensor;
  return *group == -1 ? Strategy::kChannel : Strategy::kGroup;
}

Dynamic parse_dynamic(const Json& json, const std::string& where) {
  require_value(json, "dynamic", {true, false, "local"}, where);
  const auto found = json.find("dynamic");
  if (found == json.end() || found->is_null()) return Dynamic::kNo;
  return found->is_string() ? Dynamic::kLocal : found->get<bool>() ? Dynamic::kYes : Dynamic::kNo;
}

void parse_block(const Json& json, PackedArguments& arguments, const std::string& where) {
  const auto found = json.find("block_structure");
  const auto size = [&](std::size_t i) -> std::int64_t {
    if (found == json.end() || !found->is_array() || found->size() != 2 || !(*found)[i].is_number_integer()) return 0;
    return (*found)[i].get<std::int64_t>();
  };
  arguments.block_rows = size(0);
  arguments.block_columns = size(1);
  for (const std::int64_t value : {arguments.block_rows, arguments.block_columns}) {
    if (value < 1 || value > kMostColumns) throw Error(where, "no \"block_structure\" of two sizes", "[128, 128]");
  }
}

PackedArguments parse_arguments(const Json& json, const std::string& where) {
  static constexpr std::array<std::string_view, 12> kKeys{
      "num_bits", "type",     "symmetric", "strategy",        "group_size",  "block_structure",
      "dynamic",  "actorder", "observer",  "observer_kwargs", "scale_dtype", "zp_dtype"};
  require_known_keys(json, kKeys, where);
  PackedArguments arguments;
  const std::int64_t bits = json_int_if(json, "num_bits", where).value_or(8);
  const std::string type = json_string_if(json, "type", where).value_or("int");
  arguments.floats = named(std::array{std::pair{"int", false}, std::pair{"float", true}}, type, "type", where);
  const bool known = arguments.floats ? bits == 4 || bits == 8 : bits >= 2 && bits <= 8;
  if (!known) throw Error(where, fmt::format("\"num_bits\" is {}", bits), "2 to 8 of integers, 4 or 8 of floats");
  arguments.bits = static_cast<int>(bits);
  if (!json_bool_if(json, "symmetric", where).value_or(true)) arguments.symmetry = Symmetry::kAsymmetric;
  if (arguments.floats && arguments.symmetry == Symmetry::kAsymmetric) {
    throw Error(where, "\"symmetric\" is false", "true for floats");
  }
  arguments.strategy = parse_strategy(json, where);
  if (arguments.strategy == Strategy::kGroup || arguments.strategy == Strategy::kTensorGroup) {
    arguments.group_size = json_int(json, "group_size", where);
    if (arguments.group_size < 1 || arguments.group_size > kMostColumns) {
      throw Error(where, fmt::format("\"group_size\" is {}", arguments.group_size), "a positive number");
    }
  }
  if (arguments.strategy == Strategy::kBlock) parse_block(json, arguments, where);
  arguments.dynamic = parse_dynamic(json, where);
  require_value(json, "actorder", {"group", "weight", "dynamic", "static", true, false}, where);
  if (!is_absent(json, "actorder")) {
    const Json& order = json["actorder"];
    arguments.group_index = order == "group" || order == "dynamic" || order == true;
  }
  require_value(json, "scale_dtype",
                {"torch.uint8", "torch.float8_e4m3fn", "torch.float32", "torch.bfloat16", "torch.float16"}, where);
  arguments.byte_scales = json_string_if(json, "scale_dtype", where).value_or("") == "torch.uint8";
  require_value(json, "zp_dtype", {"torch.int8"}, where);
  return arguments;
}

std::optional<PackedArguments> arguments_if(const Json& json, const char* key, const std::string& where) {
  if (is_absent(json, key)) return std::nullopt;
  return parse_arguments(json[key], where + "." + key);
}

// The stored form of a scheme, its own or that of the file. "naive-quantized" is told by the type.
PackedForm form_of(const std::string& name, const PackedArguments& weights, const std::string& where) {
  if (name == "naive-quantized") return weights.floats ? PackedForm::kFloats : PackedForm::kIntegers;
  return named(kForms, name, "format", where);
}

// Only the pairs of form and numbers that the library writes.
void require_fitting(const PackedScheme& scheme, const std::string& where) {
  const PackedArguments& weights = scheme.weights;
  const auto fits = [&]() -> bool {
    switch (scheme.form) {
      case PackedForm::kPackedIntegers:
      case PackedForm::kIntegers:
        return !weights.floats && weights.strategy != Strategy::kBlock && weights.strategy != Strategy::kTensorGroup;
      case PackedForm::kFloats:
        return weights.floats && weights.bits == 8 && !weights.byte_scales &&
               weights.strategy != Strategy::kTensorGroup;
      case PackedForm::kNvfp4:
        return weights.floats && weights.bits == 4 && weights.strategy == Strategy::kTensorGroup &&
               weights.group_size == 16;
      case PackedForm::kMxfp4:
        return weights.floats && weights.bits == 4 && weights.strategy == Strategy::kGroup && weights.group_size == 32;
      case PackedForm::kMxfp8:
        return weights.floats && weights.bits == 8 && weights.strategy == Strategy::kGroup && weights.group_size == 32;
    }
    return false;
  };
  if (!fits()) throw Error(where + ".weights", "numbers that its format does not store", "those of that format");
  if (weights.dynamic != Dynamic::kNo) throw Error(where + ".weights", "\"dynamic\" weights", "static ones");
  if (weights.strategy == Strategy::kToken)
    throw Error(where + ".weights", "\"strategy\" is \"token\"", "one of weights");
}

std::vector<std::string> names_of(const Json& list, const std::string& where) {
  if (!list.is_array()) throw Error(where, fmt::format("a JSON {}", list.type_name()), "a list of names");
  std::vector<std::string> names;
  for (const Json& name : list) {
    if (!name.is_string()) throw Error(where, fmt::format("a JSON {}", name.type_name()), "names");
    names.push_back(name.get<std::string>());
  }
  return names;
}

}  // namespace

SitePlan site_plan(const PackedArguments& arguments, Role role, const std::string& where) {
  const bool activation = role == Role::kActivation;
  QuantFormat format{.role = role,
                     .kind = NumberKind::kInteger,
                     .bits = arguments.bits,
                     .symmetry = arguments.symmetry,
                     .granularity = Granularity::kToken,
                     .rule = RangeRule::kTokenRange};
  if (arguments.floats) format.kind = arguments.bits == 8 ? NumberKind::kFp8E4M3 : NumberKind::kFp4E2M1;
  const bool dynamic = arguments.dynamic == Dynamic::kYes;
  const bool grouped = arguments.strategy == Strategy::kGroup && activation;
  if (grouped || arguments.strategy == Strategy::kTensorGroup) {
    format.granularity = Granularity::kTokenGroup;
    format.group_size = static_cast<int>(arguments.group_size);
  }
  // Symmetric integers as the library computes them: scale amax / 127.5.
  if (!arguments.floats && arguments.symmetry == Symmetry::kSymmetric) format.rule = RangeRule::kFullRange;
  SitePlan plan{.format = format};
  if (arguments.strategy == Strategy::kTensor && arguments.dynamic == Dynamic::kNo) {
    plan.format->granularity = Granularity::kTensor;
    // The range is known, and no rule finds it.
    plan.format->rule = RangeRule::kTokenRange;
    plan.range = RangeSource::kStatic;
    if (!activation && arguments.symmetry == Symmetry::kAsymmetric) {
      throw Error(where, "a cache with zero points", "a symmetric one");
    }
  } else if (activation && arguments.floats && arguments.bits == 4 && arguments.strategy == Strategy::kTensorGroup &&
             arguments.dynamic == Dynamic::kLocal && arguments.group_size == 16) {
    plan.format->scale_type = ScaleType::kE4M3;
    plan.range = RangeSource::kStatic;
  } else if (grouped && dynamic && arguments.floats && arguments.byte_scales && arguments.group_size == 32) {
    plan.format->scale_type = ScaleType::kE8M0;
  } else if (!activation || !dynamic || arguments.byte_scales || (arguments.floats && arguments.bits == 4) ||
             (arguments.strategy != Strategy::kToken && !grouped)) {
    throw Error(where, "a way of rounding that no decoder here executes",
                activation ? "per token or group on the fly, per tensor with a known scale, nvfp4, mxfp4 or mxfp8"
                           : "per tensor with a known scale");
  }
  return plan;
}

CompressedTensorsConfig::Target CompressedTensorsConfig::target_of(const std::string& text, const std::string& where) {
  Target target{.text = text, .pattern = std::nullopt};
  if (text.starts_with(kPattern)) target.pattern.emplace(text.substr(kPattern.size()), where);
  return target;
}

bool CompressedTensorsConfig::Target::matches(const std::string& linear) const {
  if (pattern) return pattern->matches_beginning_of(linear);
  return text == linear || text == kLinearClass;
}

CompressedTensorsConfig::CompressedTensorsConfig(const Json& json, const OrderedJson& ordered, const std::string& where)
    : version_(json_string_if(json, "version", where).value_or("")) {
  require_value(json, "quantization_status", {"compressed", "frozen"}, where);
  require_value(json, "transform_config", {Json::object()}, where);
  if (!is_absent(json, "sparsity_config") && json["sparsity_config"] != Json::object()) {
    const std::string inner = where + ".sparsity_config";
    json_string(json["sparsity_config"], "format", inner);
    require_value(json["sparsity_config"], "format", {"dense"}, inner);
  }
  const std::string form = json_string_if(json, "format", where).value_or("");
  const auto groups = ordered.find("config_groups");
  if (groups != ordered.end() && !groups->is_null()) {
    const std::string inner = where + ".config_groups";
    if (!groups->is_object()) throw Error(inner, fmt::format("a JSON {}", groups->type_name()), "an object");
    for (const auto& item : groups->items()) {
      const std::string group = fmt::format("{}.{}", inner, shown_name(item.key()));
      add_group(parse_json(item.value().dump(), group), form, group);
    }
  }
  // The library takes names before patterns before classes, each in the order of the alphabet, of one target the last.
  const auto rank = [](const Target& target) { return target.pattern ? 1 : target.text == kLinearClass ? 2 : 0; };
  std::stable_sort(targets_.begin(), targets_.end(), [&](const Target& a, const Target& b) {
    return std::tuple(rank(a), std::string_view(a.text), b.scheme) <
           std::tuple(rank(b), std::string_view(b.text), a.scheme);
  });
  if (!is_absent(json, "ignore")) {
    for (const std::string& name : names_of(json["ignore"], where + ".ignore")) {
      ignored_.push_back(target_of(name, where + ".ignore"));
    }
  }
  cache_ = arguments_if(json, "kv_cache_scheme", where);
}

void CompressedTensorsConfig::add_group(const Json& group, const std::string& form, const std::string& where) {
  static constexpr std::array<std::string_view, 5> kKeys{"targets", "weights", "input_activations",
                                                         "output_activations", "format"};
  require_known_keys(group, kKeys, where);
  require_value(group, "output_activations", {}, where);
  const auto weights = arguments_if(group, "weights", where);
  if (!weights) throw Error(where, "a scheme without weights", "one whose weights are quantized");
  PackedScheme scheme{.weights = *weights, .inputs = arguments_if(group, "input_activations", where)};
  scheme.form = form_of(json_string_if(group, "format", where).value_or(form), scheme.weights, where);
  require_fitting(scheme, where);
  for (const std::string& name : names_of(json_member(group, "targets", where), where + ".targets")) {
    targets_.push_back(target_of(name, where + ".targets"));
    targets_.back().scheme = schemes_.size();
  }
  schemes_.push_back(scheme);
}

const PackedScheme* CompressedTensorsConfig::scheme_of(const std::string& linear) const {
  const auto matches = [&](const Target& target) { return target.matches(linear); };
  if (std::any_of(ignored_.begin(), ignored_.end(), matches)) return nullptr;
  const auto found = std::find_if(targets_.begin(), targets_.end(), matches);
  return found == targets_.end() ? nullptr : &schemes_[found->scheme];
}

bool CompressedTensorsConfig::within_words() const {
  int major = 0, minor = 0;
  const char* end = version_.data() + version_.size();
  const auto [dot, failure] = std::from_chars(version_.data(), end, major);
  if (failure != std::errc() || dot == end || *dot != '.') return false;
  if (std::from_chars(dot + 1, end, minor).ec != std::errc()) return false;
  return major == 0 && minor < 18;
}

}  // namespace qreason
