#include "quantize/passes/round_rtn.h"

#include "quantize/block_visit.h"
#include "quantize/passes/weight_formats.h"
#include "quantize/rtn.h"

namespace qreason {
namespace {

class RoundRtn : public Pass {
 public:
  explicit RoundRtn(const QuantFormat& weight) : weight_(weight) {}
  std::string_view kind() const override { return "round_rtn"; }
  PassEffect effect() const override { return PassEffect::kLossy; }
  ParameterMap parameters() const override { return {{"format", to_string(weight_)}}; }
  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    add_weight_formats(config, weight_, "round_rtn", plan);
  }

  void apply(BlockVisit& block) const override {
    for (const LinearSlot slot : kLinearSlots) {
      const Stopwatch watch;
      const at::Tensor weights = block.weight(slot);
      RtnResult rounded = round_rtn_parallel({weights.data_ptr<float>(), static_cast<std::size_t>(weights.numel())},
                                             weights.size(0), weights.size(1), block.format(slot), block.executor());
      LinearReport report;
      report.loss = rounded.squared_error;
      report.clipped = rounded.clipped;
      report.seconds = watch.seconds();
      block.replace(slot, std::move(rounded.matrix), report);
    }
  }

 private:
  QuantFormat weight_;
};

}  // namespace

PassPointer round_rtn(const QuantFormat& weight) {
  return std::make_shared<RoundRtn>(weight);
}

PassPointer read_round_rtn(ParameterReader& parameters) {
  return round_rtn(parse_weight_format(parameters.text("format", ""), parameters.where()));
}

}  // namespace qreason
