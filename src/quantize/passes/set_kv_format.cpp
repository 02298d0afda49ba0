#include "quantize/passes/set_kv_format.h"

#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/error.h"
#include "formats/reference_quantizer.h"
#include "quantize/passes/key_ranges.h"
#include "quantize/passes/pass_rules.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {
namespace {

struct KvFormats {
  std::optional<QuantFormat> keys, values;
  PreBiasKeys pre_bias = PreBiasKeys::kNo;  // of static keys
  TextList rules;
};

bool is_per_channel(const std::optional<QuantFormat>& format) {
  return format && format->granularity == Granularity::kChannel;
}

bool is_per_tensor(const std::optional<QuantFormat>& format) {
  return format && format->granularity == Granularity::kTensor;
}

class SetKvFormat : public PlanPass {
 public:
  explicit SetKvFormat(KvFormats formats) : formats_(std::move(formats)) {}
  std::string_view kind() const override { return "set_kv_format"; }

  ParameterMap parameters() const override {
    ParameterMap parameters;
    if (formats_.keys) parameters["keys"] = to_string(*formats_.keys);
    if (formats_.values) parameters["values"] = to_string(*formats_.values);
    if (has_static_channels()) {
      parameters["pre_bias_keys"] = formats_.pre_bias == PreBiasKeys::kAuto
                                        ? ParameterValue("auto")
                                        : ParameterValue(formats_.pre_bias == PreBiasKeys::kYes);
    }
    add_rules(formats_.rules, parameters);
    return parameters;
  }

  std::shared_ptr<const PlanPass> decided(const WeightSource& source) const override {
    if (!has_static_channels() || formats_.pre_bias != PreBiasKeys::kAuto) return nullptr;
    KvFormats formats = formats_;
    formats.pre_bias = has_large_key_bias(source) ? PreBiasKeys::kYes : PreBiasKeys::kNo;
    return std::make_shared<const SetKvFormat>(std::move(formats));
  }

  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    ModelPlan own = uniform_plan(config.layers);
    own.set_format(Site::kKey, formats_.keys);
    own.set_format(Site::kValue, formats_.values);
    if (has_static_channels()) {
      const bool before_bias = formats_.pre_bias == PreBiasKeys::kYes;
      if (before_bias && !config.qkv_bias) {
        throw Error::usage("set_kv_format: pre_bias_keys", "true for a model without key biases", "false or auto");
      }
      if (before_bias && config.query_key_norm) {
        throw Error::usage("set_kv_format: pre_bias_keys", "true for a model whose keys pass a norm behind their bias",
                           "false or auto");
      }
      for (BlockPlan& block : own.blocks) {
        block.at(Site::kKey).key_stage = before_bias ? KeyStage::kBeforeBias : KeyStage::kBeforeRope;
      }
    }
    apply_pass_rules(formats_.rules, kind(), own);
    for (std::size_t layer = 0; layer < own.blocks.size(); ++layer) {
      for (const Site site : {Site::kKey, Site::kValue}) {
        const SitePlan& said = own.blocks[layer].at(site);
        check_group(said.format, site == Site::kKey ? "keys" : "values", config);
        plan.blocks[layer].at(site).format = said.format;
        plan.blocks[layer].at(site).key_stage = said.format ? said.key_stage : KeyStage::kAfterRope;
        const bool is_measured = (site == Site::kKey && has_static_channels() && is_per_channel(said.format)) ||
                                 (has_tensor_scales() && is_per_tensor(said.format));
        if (is_measured) plan.blocks[layer].at(site).range = RangeSource::kStatic;
      }
    }
  }

  std::vector<std::string_view> reads() const override {
    std::vector<std::string_view> passes;
    if (has_static_channels()) passes.emplace_back("measure_keys");
    if (has_tensor_scales()) passes.emplace_back("measure_cache");
    return passes;
  }

  std::map<std::string, at::Tensor> site_values(const WeightSource& source, const ModelPlan& plan,
                                                const Statistics& statistics) const override {
    std::map<std::string, at::Tensor> values;
    for (std::int64_t layer = 0; layer < source.config().layers; ++layer) {
      for (const Site site : {Site::kKey, Site::kValue}) add_tensor_scale(plan, layer, site, statistics, values);
      const SitePlan& keys = plan.block(layer).at(Site::kKey);
      if (keys.range != RangeSource::kStatic || !is_per_channel(keys.format)) continue;
      std::vector<float> scales, zeros;
      for (const GroupParameters& channel : key_parameters(source, keys, layer, statistics)) {
        scales.push_back(channel.scale);
        zeros.push_back(channel.zero);
      }
      values[site_tensor_name(layer, Site::kKey, kStaticScale)] = at::tensor(scales);
      values[site_tensor_name(layer, Site::kKey, kStaticZero)] = at::tensor(zeros);
    }
    return values;
  }

 private:
  bool has_static_channels() const { return is_per_channel(formats_.keys); }
  bool has_tensor_scales() const { return is_per_tensor(formats_.keys) || is_per_tensor(formats_.values); }

  static void add_tensor_scale(const ModelPlan& plan, std::int64_t layer, Site site, const Statistics& statistics,
                               std::map<std::string, at::Tensor>& values) {
    const SitePlan& place = plan.block(layer).at(site);
    if (place.range != RangeSource::kStatic || !is_per_tensor(place.format)) return;
    const std::vector<float>& maxima = statistics.at(channel_maxima_name(layer, name_of(site)));
    const float largest = *std::max_element(maxima.begin(), maxima.end());
    values[site_tensor_name(layer, site, kStaticScale)] =
        at::tensor({find_parameters(std::span(&largest, 1), *place.format).scale});
    values[site_tensor_name(layer, site, kStaticZero)] = at::tensor({0.0f});
  }

  // A group never crosses a head: what a head's cache holds must not depend on its neighbours.
  static void check_group(const std::optional<QuantFormat>& format, const char* what, const ModelConfig& config) {
    if (!format || format->granularity != Granularity::kTokenGroup) return;
    if (config.head_dim % format->group_size != 0) {
      throw Error::usage(fmt::format("set_kv_format: {}", what),
                         fmt::format("groups of {} in heads of {}", format->group_size, config.head_dim),
                         "a group size that divides the head");
    }
  }

  KvFormats formats_;
};

constexpr const char* kValueExamples = "v4-head-asym, v:fp8e4m3-head or v:mxfp4";

void check_format(const std::optional<QuantFormat>& format, Role role, const char* example) {
  if (!format) return;
  const bool known = format->granularity == Granularity::kHead || format->granularity == Granularity::kTokenGroup ||
                     (is_per_tensor(format) && format->kind != NumberKind::kInteger);
  if (format->role != role || !known) {
    throw Error::usage("set_kv_format", to_string(*format), fmt::format("a format such as {}", example));
  }
}

}  // namespace

PassPointer set_kv_format(const std::optional<QuantFormat>& keys, const std::optional<QuantFormat>& values,
                          TextList rules) {
  if (!keys && !values) throw Error::usage("set_kv_format", "neither keys nor values", "at least one of them");
  check_format(keys, Role::kKey, "k4-head-asym, k:fp8e4m3-head or k:mxfp4");
  check_format(values, Role::kValue, kValueExamples);
  return std::make_shared<const SetKvFormat>(KvFormats{.keys = keys, .values = values, .rules = std::move(rules)});
}

PassPointer set_static_kv_format(const QuantFormat& keys, PreBiasKeys pre_bias,
                                 const std::optional<QuantFormat>& values, TextList rules) {
  if (keys.role != Role::kKey || !is_per_channel(keys)) {
    throw Error::usage("set_kv_format", to_string(keys),
                       "a format per channel for static keys, such as k4-channel-asym");
  }
  check_format(values, Role::kValue, kValueExamples);
  return std::make_shared<const SetKvFormat>(
      KvFormats{.keys = keys, .values = values, .pre_bias = pre_bias, .rules = std::move(rules)});
}

PreBiasKeys read_pre_bias_keys(ParameterReader& parameters, PreBiasKeys fallback) {
  const std::string word = parameters.choice("pre_bias_keys", "", {"auto", "true", "false"});
  if (word.empty()) return fallback;
  if (word == "auto") return PreBiasKeys::kAuto;
  return word == "true" ? PreBiasKeys::kYes : PreBiasKeys::kNo;
}

PassPointer read_set_kv_format(ParameterReader& parameters) {
  const auto keys = read_format_if(parameters, "keys"), values = read_format_if(parameters, "values");
  if (!is_per_channel(keys)) return set_kv_format(keys, values, read_rules(parameters));
  const PreBiasKeys pre_bias = read_pre_bias_keys(parameters, PreBiasKeys::kAuto);
  return set_static_kv_format(*keys, pre_bias, values, read_rules(parameters));
}

}  // namespace qreason
