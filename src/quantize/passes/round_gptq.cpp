#include "quantize/passes/round_gptq.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/stopwatch.h"
#include "quantize/block_visit.h"
#include "quantize/machine_rates.h"
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

// What the linears of a stage share.
struct Shared {
  GptqSolver& solver;
  double hessian_seconds = 0, factor_seconds = 0;
};

std::vector<std::int64_t> dead_columns(const GptqFactor& factor) {
  std::vector<std::int64_t> dead;
  for (std::int64_t j = 0; j < factor.columns; ++j) {
    if (factor.dead[j]) dead.push_back(j);
  }
  return dead;
}

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
    if (asymmetric()) parameters["asymmetric_calibration"] = true;
    return parameters;
  }
  Propagation propagation() const override { return asymmetric() ? Propagation::kBoth : Propagation::kRounded; }
  BlockWork work() const override { return BlockWork::kRound; }
  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    add_weight_formats(config, rounding_, kind(), plan);
    for (const BlockPlan& block : plan.blocks) {
      for (const auto& [slot, format] : block.weights) require_integers(format);
    }
  }

  std::vector<std::string_view> reads() const override { return reads_of(rounding_); }
  std::vector<std::string> formats_read() const override { return candidates_of(rounding_); }
  std::shared_ptr<const BlockPass> decided(const Statistics& statistics, const ModelConfig& config,
                                           int tensor_parallel) const override {
    const auto choice = qreason::decided(rounding_, statistics, config, kind(), tensor_parallel);
    return choice ? std::make_shared<const RoundGptq>(*choice, settings_) : nullptr;
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
      cost.dense += tokens * width * width + width * width * width / 3 + 2 * rounded * width;
      cost.panels += std::ceil(width / kFactorPanel);
      cost.columns += rounded;
      cost.swept += 8 * 4 * width * width;
      if (asymmetric()) cost.dense += 2 * tokens * width * width + width * width * width / 3;
    }
    add_moments(question, cost);
    return cost;
  }

 private:
  // The largest of a stage: the Hessian made or factored, again in float64 where that fails; a linear rounded, which
  // is there as floats, in rounding order twice and as codes.
  void add_moments(const BlockCostQuestion& question, BlockCost& cost) const {
    std::vector<LinearSlot> rounded;
    for (const Stage& stage : stages()) {
      const auto width = static_cast<double>(linear_shape(question.config, stage.linears.front()).columns);
      double statistics = 4 * width * width, made = 0;
      if (asymmetric()) {  // the same of how far the inputs are from the float model's
        made = 4 * width * static_cast<double>(question.calibration.longest);
        statistics += 4 * width * width;
      }
      for (const LinearSlot slot : stage.linears) {
        if (!question.plan.weights.contains(slot)) continue;
        if (made >= 0) cost.moments.push_back({rounded, statistics + made, statistics + 4 * width * width});
        made = -1;
        cost.moments.push_back({rounded, statistics + 13 * weights_of(question.config, slot), 0});
        rounded.push_back(slot);
      }
    }
  }

  bool asymmetric() const { return settings_.calibration == GptqCalibration::kAsymmetric; }

  void round_stage(BlockVisit& block, Site inputs, const std::vector<LinearSlot>& linears) const {
    const Stopwatch watch;
    const std::int64_t columns = linear_shape(block.config(), linears.front()).columns;
    const std::unique_ptr<GptqSolver> solver =
        gptq_solver({.columns = columns, .sequences = block.sequences(), .calibration = settings_.calibration},
                    block.device(), block.executor());
    for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
      const at::Tensor rows = block.read(tap_of(inputs), sequence).tensor;
      solver->add(rows);
      if (asymmetric()) solver->add_drift(block.original().read(tap_of(inputs), sequence).tensor, rows);
    }
    Shared shared{.solver = *solver, .hessian_seconds = watch.seconds()};
    solver->factorize(settings_.order, settings_.damping,
                      fmt::format("{} of block {}", name_of(inputs), block.layer()));
    shared.factor_seconds = watch.seconds() - shared.hessian_seconds;
    for (const LinearSlot slot : linears) {
      try {
        round(block, slot, shared);
      } catch (const Error& error) {
        throw Error::inside(linear_name(block.layer(), slot), error);
      }
    }
  }

  void round(BlockVisit& block, LinearSlot slot, const Shared& shared) const {
    const Stopwatch watch;
    const GptqFactor& factor = shared.solver.factor();
    const at::Tensor tensor = block.weight(slot);
    const std::span weights(tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel()));
    GptqResult rounded = shared.solver.round(tensor, block.format(slot), settings_.options);
    LinearReport report;
    report.weight_error = relative_weight_error(weights, rounded.matrix, block.executor());
    report.output_error = shared.solver.output_error(tensor, rounded);
    report.clipped = rounded.clipped;
    report.seconds = watch.seconds();
    report.counts = {{"damping_retries", factor.retries},
                     {"float64_retries", factor.float64_retries},
                     {"dead_columns", factor.dead_columns}};
    report.numbers = {{"damping", factor.damping},
                      {"hessian_seconds", shared.hessian_seconds},
                      {"factor_seconds", shared.factor_seconds}};
    if (const auto drift = shared.solver.input_drift()) report.numbers["input_drift"] = *drift;
    report.columns["dead_column_list"] = dead_columns(factor);
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

GptqSettings read_gptq_settings(ParameterReader& parameters, const GptqSettings& defaults) {
  GptqSettings settings = defaults;
  const bool by_activation = parameters.flag("act_order", defaults.order == ColumnOrder::kByActivation);
  settings.order = by_activation ? ColumnOrder::kByActivation : ColumnOrder::kAsStored;
  const bool is_static = parameters.flag("static_groups", defaults.options.groups == GroupTiming::kStatic);
  settings.options.groups = is_static ? GroupTiming::kStatic : GroupTiming::kDynamic;
  settings.damping.ratio = parameters.number("damping", defaults.damping.ratio);
  settings.options.block_columns = parameters.integer("block_size", defaults.options.block_columns);
  const bool asymmetric =
      parameters.flag("asymmetric_calibration", defaults.calibration == GptqCalibration::kAsymmetric);
  settings.calibration = asymmetric ? GptqCalibration::kAsymmetric : GptqCalibration::kSymmetric;
  check(settings, parameters.where());
  return settings;
}

PassPointer round_gptq(const WeightRounding& rounding, const GptqSettings& settings) {
  require_integers(rounding.format);
  if (rounding.budget)
    std::for_each(rounding.budget->candidates.begin(), rounding.budget->candidates.end(), require_integers);
  check(settings, "round_gptq");
  return std::make_shared<const RoundGptq>(rounding, settings);
}

PassPointer read_round_gptq(ParameterReader& parameters) {
  const WeightRounding rounding = read_weight_rounding(parameters);
  return round_gptq(rounding, read_gptq_settings(parameters, {}));
}

}  // namespace qreason
