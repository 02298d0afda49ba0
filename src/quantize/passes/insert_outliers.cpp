#include "quantize/passes/insert_outliers.h"

#include <fmt/format.h>

#include "base/error.h"
#include "quantize/passes/scaled_view.h"

namespace qreason {
namespace {

class InsertOutliers : public ExactPass {
 public:
  explicit InsertOutliers(const OutlierOptions& options) : options_(options) {}
  std::string_view kind() const override { return "insert_outliers"; }
  ParameterMap parameters() const override {
    return {{"seed", static_cast<std::int64_t>(options_.seed)},
            {"channels", options_.channels},
            {"factor", options_.factor},
            {"key_bias", options_.key_bias}};
  }
  void change_outline(ModelOutline& outline) const override {
    require_no_transforms(outline.plan, "insert_outliers");
    check_outlier_options(outline.config, options_, "insert_outliers: ");
    outline.unit_gains = false;
  }
  std::unique_ptr<WeightSource> view(const WeightSource& source, const Statistics&, ThreadPool*) const override {
    return std::make_unique<OutlierModel>(source, options_);
  }

 private:
  OutlierOptions options_;
};

}  // namespace

PassPointer insert_outliers(const OutlierOptions& options) {
  return std::make_shared<const InsertOutliers>(options);
}

PassPointer read_insert_outliers(ParameterReader& parameters) {
  OutlierOptions options;
  const std::int64_t seed = parameters.integer("seed", static_cast<std::int64_t>(options.seed));
  if (seed < 0) throw Error::usage(parameters.where() + ": seed", fmt::format("{}", seed), "0 or more");
  options.seed = static_cast<std::uint64_t>(seed);
  options.channels = parameters.integer("channels", options.channels);
  options.factor = parameters.number("factor", options.factor);
  options.key_bias = parameters.number("key_bias", options.key_bias);
  return insert_outliers(options);
}

}  // namespace qreason
