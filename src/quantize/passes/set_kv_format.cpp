#include "quantize/passes/set_kv_format.h"

#include <fmt/format.h>

#include "base/error.h"
#include "quantize/passes/pass_rules.h"

namespace qreason {
namespace {

class SetKvFormat : public PlanPass {
 public:
  SetKvFormat(const std::optional<QuantFormat>& keys, const std::optional<QuantFormat>& values, TextList rules)
      : keys_(keys), values_(values), rules_(std::move(rules)) {}
  std::string_view kind() const override { return "set_kv_format"; }

  ParameterMap parameters() const override {
    ParameterMap parameters;
    if (keys_) parameters["keys"] = to_string(*keys_);
    if (values_) parameters["values"] = to_string(*values_);
    add_rules(rules_, parameters);
    return parameters;
  }

  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    ModelPlan own = uniform_plan(config.layers);
    own.set_format(Site::kKey, keys_);
    own.set_format(Site::kValue, values_);
    apply_pass_rules(rules_, kind(), own);
    for (std::size_t layer = 0; layer < own.blocks.size(); ++layer) {
      for (const Site site : {Site::kKey, Site::kValue}) {
        const SitePlan& said = own.blocks[layer].at(site);
        check_group(said.format, site == Site::kKey ? "keys" : "values", config);
        plan.blocks[layer].at(site).format = said.format;
        plan.blocks[layer].at(site).key_stage = said.key_stage;
      }
    }
  }

 private:
  // A group never crosses a head: what a head's cache holds must not depend on its neighbours.
  static void check_group(const std::optional<QuantFormat>& format, const char* what, const ModelConfig& config) {
    if (!format || format->granularity != Granularity::kTokenGroup) return;
    if (config.head_dim % format->group_size != 0) {
      throw Error::usage(fmt::format("set_kv_format: {}", what),
                         fmt::format("groups of {} in heads of {}", format->group_size, config.head_dim),
                         "a group size that divides the head");
    }
  }

  std::optional<QuantFormat> keys_, values_;
  TextList rules_;
};

void check_format(const std::optional<QuantFormat>& format, Role role, const char* example) {
  if (!format) return;
  if (format->role != role ||
      (format->granularity != Granularity::kHead && format->granularity != Granularity::kTokenGroup)) {
    throw Error::usage("set_kv_format", to_string(*format), fmt::format("a format such as {}", example));
  }
}

}  // namespace

PassPointer set_kv_format(const std::optional<QuantFormat>& keys, const std::optional<QuantFormat>& values,
                          TextList rules) {
  if (!keys && !values) throw Error::usage("set_kv_format", "neither keys nor values", "at least one of them");
  check_format(keys, Role::kKey, "k4-head-asym, k:fp8e4m3-head or k:mxfp4");
  check_format(values, Role::kValue, "v4-head-asym, v:fp8e4m3-head or v:mxfp4");
  return std::make_shared<const SetKvFormat>(keys, values, std::move(rules));
}

PassPointer read_set_kv_format(ParameterReader& parameters) {
  std::optional<QuantFormat> keys, values;
  if (parameters.has("keys")) keys = parse_quant_format(parameters.text("keys", ""));
  if (parameters.has("values")) values = parse_quant_format(parameters.text("values", ""));
  return set_kv_format(keys, values, read_rules(parameters));
}

}  // namespace qreason
