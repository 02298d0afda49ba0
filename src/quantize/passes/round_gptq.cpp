#include "quantize/passes/round_gptq.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/stopwatch.h"
#include "quantize/block_visit.h"
#include "quantize/rounding_error.h"

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

void require_integers(const QuantFormat& format) {
  if (format.kind == NumberKind::kInteger) return;
  throw Error::usage("round_gptq: format", to_string(format), "integers, such as w4g128-asym");
}

// Seconds that the linears of a stage share.
struct SharedSeconds {
  double hessian = 0, factor = 0;
};

class RoundGptq : public BlockPass {
 public:
  RoundGptq(const WeightRounding& rounding, const GptqSettings& settings) : rounding_(rounding), settings_(settings) {}
  std::string_view kind() const override { return "round_gptq"; }
  ParameterMap parameters() const override {
    ParameterMap parameters = parameters_of(rounding_);
    parameters["act_order"] = settings_.order == ColumnOrder::kByActivation;
    parameters["static_groups"] = settings_.options.groups == GroupTiming::kStatic;
    parameters["damping"] = settings_.damping.ratio;
    parameters["block_size"] = settings_.options.block_columns;
    return parameters;
  }
  Propagation propagation() const override { return Propagation::kRounded; }
  BlockWork work() const override { return BlockWork::kRound; }
  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    add_weight_formats(config, rounding_, kind(), plan);
    for (const BlockPlan& block : plan.blocks) {
      for (const auto& [slot, format] : block.weights) require_integers(format);
    }
  }

  void apply(BlockVisit& block) const override {
    const std::vector<LinearSlot>& wanted = block.to_round();
    for (const Stage& stage : stages()) {
      std::vector<LinearSlot> linears;
      std::copy_if(stage.linears.begin(), stage.linears.end(), std::back_inserter(linears),
                   [&](LinearSlot slot) { return std::find(wanted.begin(), wanted.end(), slot) != wanted.end(); });
      if (!linears.empty()) round_stage(block, stage.inputs, linears);
    }
  }

  // Hessians, factors, the updates and the energies of the outputs.
  BlockCost cost(const BlockCostQuestion& question) const override {
    const auto tokens = static_cast<double>(question.calibration.tokens);
    BlockCost cost;
    for (const Stage& stage : stages()) {
      double rounded = 0;
      for (const LinearSlot slot : stage.linears) {
        if (question.plan.weights.contains(slot)) rounded += weights_of(question.config, slot);
      }
      if (rounded == 0) continue;
      const auto width = static_cast<double>(linear_shape(question.config, stage.linears.front()).columns);
      cost.flops += tokens * width * width + width * width * width / 3 + 2 * rounded * width;
      cost.memory = std::max(cost.memory, 2 * 4 * width * width);
    }
    return cost;
  }

 private:
  void round_stage(BlockVisit& block, Site inputs, const std::vector<LinearSlot>& linears) const {
    const Stopwatch watch;
    Hessian hessian(linear_shape(block.config(), linears.front()).columns, block.sequences());
    for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
      const ActivationRows rows = block.read(tap_of(inputs), sequence);
      hessian.add(rows.data, rows.count, block.executor());
    }
    SharedSeconds shared{.hessian = watch.seconds()};
    const GptqFactor factor =
        factorize(std::move(hessian), settings_.order, settings_.damping,
                  fmt::format("{} of block {}", name_of(inputs), block.layer()), block.executor());
    shared.factor = watch.seconds() - shared.hessian;
    for (const LinearSlot slot : linears) {
      try {
        round(block, slot, factor, shared);
      } catch (const Error& error) {
        throw Error::inside(linear_name(block.layer(), slot), error);
      }
    }
  }

  void round(BlockVisit& block, LinearSlot slot, const GptqFactor& factor, SharedSeconds shared) const {
    const Stopwatch watch;
    const at::Tensor tensor = block.weight(slot);
    const std::span weights(tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel()));
    GptqResult rounded =
        qreason::round_gptq(weights, tensor.size(0), factor, block.format(slot), settings_.options, block.executor());
    const double energy = output_energy(weights, tensor.size(0), factor, block.executor());
    LinearReport report;
    report.weight_error = relative_weight_error(weights, rounded.matrix, block.executor());
    report.output_error = energy > 0 ? 2 * rounded.loss / energy : 0;
    report.clipped = rounded.clipped;
    report.seconds = watch.seconds();
    report.counts = {{"damping_retries", factor.retries}, {"dead_columns", factor.dead_columns}};
    report.numbers = {
        {"damping", factor.damping}, {"hessian_seconds", shared.hessian}, {"factor_seconds", shared.factor}};
    block.replace(slot, {.matrix = std::move(rounded.matrix), .bias = block.linear(slot).bias}, report);
  }

  WeightRounding rounding_;
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

PassPointer round_gptq(const WeightRounding& rounding, const GptqSettings& settings) {
  require_integers(rounding.format);
  check(settings, "round_gptq");
  return std::make_shared<const RoundGptq>(rounding, settings);
}

PassPointer read_round_gptq(ParameterReader& parameters) {
  const WeightRounding rounding = read_weight_rounding(parameters);
  GptqSettings settings;
  settings.order = parameters.flag("act_order", true) ? ColumnOrder::kByActivation : ColumnOrder::kAsStored;
  settings.options.groups = parameters.flag("static_groups", true) ? GroupTiming::kStatic : GroupTiming::kDynamic;
  settings.damping.ratio = parameters.number("damping", settings.damping.ratio);
  settings.options.block_columns = parameters.integer("block_size", settings.options.block_columns);
  check(settings, parameters.where());
  return round_gptq(rounding, settings);
}

}  // namespace qreason
