#include "quantize/passes/set_activation_format.h"

#include <fmt/format.h>

#include "base/error.h"
#include "quantize/passes/pass_rules.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {
namespace {

class SetActivationFormat : public PlanPass {
 public:
  SetActivationFormat(const QuantFormat& activation, TextList rules)
      : activation_(activation), rules_(std::move(rules)) {}
  std::string_view kind() const override { return "set_activation_format"; }
  ParameterMap parameters() const override {
    ParameterMap parameters{{"format", to_string(activation_)}};
    add_rules(rules_, parameters);
    return parameters;
  }

  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    ModelPlan own = uniform_plan(config.layers);
    for (const Site site : kActivationSites) own.set_format(site, activation_);
    apply_pass_rules(rules_, kind(), own);
    for (std::size_t layer = 0; layer < own.blocks.size(); ++layer) {
      for (const Site site : kActivationSites) {
        const auto& format = own.blocks[layer].at(site).format;
        if (format) plan.blocks[layer].at(site).format = fitted(*format, config, site, plan.tensor_parallel);
      }
    }
  }

 private:
  // The format as the site has it at the plan's degree.
  static QuantFormat fitted(const QuantFormat& format, const ModelConfig& config, Site site, int degree) {
    const std::int64_t columns = site_width(config, site);
    const QuantFormat own = is_row_parallel(site) ? sharded(format, columns, degree) : format;
    if (own.granularity == Granularity::kTokenGroup && columns % own.group_size != 0) {
      throw Error::usage(fmt::format("set_activation_format: {}", name_of(site)),
                         fmt::format("groups of {} in {} columns", own.group_size, columns),
                         "a group size that divides the columns");
    }
    return own;
  }

  QuantFormat activation_;
  TextList rules_;
};

}  // namespace

PassPointer set_activation_format(const QuantFormat& activation, TextList rules) {
  if (activation.role != Role::kActivation ||
      (activation.granularity != Granularity::kToken && activation.granularity != Granularity::kTokenGroup)) {
    throw Error::usage("set_activation_format", to_string(activation),
                       "a format such as a8-token-asym, a:fp8e4m3 or a:mxfp4");
  }
  return std::make_shared<const SetActivationFormat>(activation, std::move(rules));
}

PassPointer read_set_activation_format(ParameterReader& parameters) {
  const QuantFormat format = read_format(parameters, "format");
  return set_activation_format(format, read_rules(parameters));
}

}  // namespace qreason
