#include "quantize/passes/set_activation_format.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {
namespace {

class SetActivationFormat : public PlanPass {
 public:
  explicit SetActivationFormat(const QuantFormat& activation) : activation_(activation) {}
  std::string_view kind() const override { return "set_activation_format"; }
  ParameterMap parameters() const override { return {{"format", to_string(activation_)}}; }

  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    for (const Site site : kActivationSites) {
      const std::int64_t columns = site_width(config, site);
      const QuantFormat own = is_row_parallel(site) ? sharded(activation_, columns, plan.tensor_parallel) : activation_;
      if (own.granularity == Granularity::kTokenGroup && columns % own.group_size != 0) {
        throw Error::usage(fmt::format("set_activation_format: {}", name_of(site)),
                           fmt::format("groups of {} in {} columns", own.group_size, columns),
                           "a group size that divides the columns");
      }
      plan.set_format(site, own);
    }
  }

 private:
  QuantFormat activation_;
};

}  // namespace

PassPointer set_activation_format(const QuantFormat& activation) {
  if (activation.role != Role::kActivation ||
      (activation.granularity != Granularity::kToken && activation.granularity != Granularity::kTokenGroup)) {
    throw Error::usage("set_activation_format", to_string(activation),
                       "a format such as a8-token-asym, a:fp8e4m3 or a:mxfp4");
  }
  return std::make_shared<const SetActivationFormat>(activation);
}

PassPointer read_set_activation_format(ParameterReader& parameters) {
  return set_activation_format(parse_quant_format(parameters.text("format", "")));
}

}  // namespace qreason
