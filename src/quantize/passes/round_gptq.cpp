#include "quantize/passes/round_gptq.h"

#include <fmt/format.h>

#include <vector>

#include "base/error.h"
#include "quantize/block_visit.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {
namespace {

struct Stage {
  Site inputs;
  std::vector<LinearSlot> linears;
};

// The reference's order. Linears of a stage share inputs, so they share the Hessian and its factor.
const std::vector<Stage>& stages() {
  static const std::vector<Stage> kStages{
      {Site::kAttentionInput, {LinearSlot::kK, LinearSlot::kV, LinearSlot::kQ}},
      {Site::kAttentionOutput, {LinearSlot::kO}},
      {Site::kMlpInput, {LinearSlot::kUp, LinearSlot::kGate}},
      {Site::kMlpMiddle, {LinearSlot::kDown}},
  };
  return kStages;
}

class RoundGptq : public Pass {
 public:
  RoundGptq(const QuantFormat& weight, const GptqSettings& settings) : weight_(weight), settings_(settings) {}
  std::string_view kind() const override { return "round_gptq"; }
  PassEffect effect() const override { return PassEffect::kLossy; }
  PassWalk walk() const override { return PassWalk::kBlocks; }
  Propagation propagation() const override { return Propagation::kRounded; }
  ParameterMap parameters() const override {
    return {{"format", to_string(weight_)},
            {"act_order", settings_.order == ColumnOrder::kByActivation},
            {"static_groups", settings_.options.groups == GroupTiming::kStatic},
            {"damping", settings_.damping.ratio},
            {"block_size", settings_.options.block_columns}};
  }
  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    add_weight_formats(config, weight_, "round_gptq", plan);
  }

  void apply(BlockVisit& block) const override {
    for (const Stage& stage : stages()) {
      const Stopwatch watch;
      Hessian hessian(linear_shape(block.config(), stage.linears.front()).columns, block.sequences());
      block.for_each_input(stage.inputs,
                           [&](const float* rows, std::int64_t count) { hessian.add(rows, count, block.executor()); });
      const double hessian_seconds = watch.seconds();
      const GptqFactor factor =
          factorize(std::move(hessian), settings_.order, settings_.damping,
                    fmt::format("{} of block {}", name_of(stage.inputs), block.layer()), block.executor());
      const double shared_seconds = watch.seconds();
      for (const LinearSlot slot : stage.linears) round(block, slot, factor, {hessian_seconds, shared_seconds});
    }
  }

 private:
  struct SharedSeconds {
    double hessian, total;
  };

  void round(BlockVisit& block, LinearSlot slot, const GptqFactor& factor, SharedSeconds shared) const {
    const Stopwatch watch;
    const at::Tensor weights = block.weight(slot);
    GptqResult rounded =
        qreason::round_gptq({weights.data_ptr<float>(), static_cast<std::size_t>(weights.numel())}, weights.size(0),
                            factor, block.format(slot), settings_.options, block.executor());
    LinearReport report;
    report.loss = rounded.loss;
    report.clipped = rounded.clipped;
    report.damping = factor.damping;
    report.damping_retries = factor.retries;
    report.dead_columns = factor.dead_columns;
    report.seconds = watch.seconds();
    report.hessian_seconds = shared.hessian;
    report.factor_seconds = shared.total - shared.hessian;
    block.replace(slot, std::move(rounded.matrix), report);
  }

  QuantFormat weight_;
  GptqSettings settings_;
};

void check(const GptqSettings& settings, const std::string& where) {
  const double damping = settings.damping.ratio;
  if (!(damping >= 0) || damping >= settings.damping.limit) {
    throw Error::usage(where + ": damping", fmt::format("{}", damping),
                       fmt::format("0 to less than {}", settings.damping.limit));
  }
  const std::int64_t block = settings.options.block_columns;
  if (block < 1 || block > 65536) throw Error::usage(where + ": block_size", fmt::format("{}", block), "1 to 65536");
}

}  // namespace

PassPointer round_gptq(const QuantFormat& weight, const GptqSettings& settings) {
  if (weight.kind != NumberKind::kInteger) {
    throw Error::usage("round_gptq: format", to_string(weight), "integers, such as w4g128-asym");
  }
  check(settings, "round_gptq");
  return std::make_shared<RoundGptq>(weight, settings);
}

PassPointer read_round_gptq(ParameterReader& parameters) {
  const QuantFormat format = parse_weight_format(parameters.text("format", ""), parameters.where());
  GptqSettings settings;
  settings.order = parameters.flag("act_order", true) ? ColumnOrder::kByActivation : ColumnOrder::kAsStored;
  settings.options.groups = parameters.flag("static_groups", true) ? GroupTiming::kStatic : GroupTiming::kDynamic;
  settings.damping.ratio = parameters.number("damping", settings.damping.ratio);
  settings.options.block_columns = parameters.integer("block_size", settings.options.block_columns);
  check(settings, parameters.where());
  return round_gptq(format, settings);
}

}  // namespace qreason
