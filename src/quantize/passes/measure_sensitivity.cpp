#include "quantize/passes/measure_sensitivity.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>

#include "base/error.h"
#include "model/weights.h"
#include "quantize/block_visit.h"
#include "quantize/gptq_solver.h"
#include "quantize/passes/weight_formats.h"
#include "quantize/rtn.h"

namespace qreason {
namespace {

std::vector<LinearSlot> readers_of(Site site) {
  std::vector<LinearSlot> linears;
  for (const LinearSlot slot : kLinearSlots) {
    if (input_site(slot) == site) linears.push_back(slot);
  }
  return linears;
}

class MeasureSensitivity : public StatisticsPass {
 public:
  explicit MeasureSensitivity(SensitivitySettings settings) : settings_(std::move(settings)) {}
  std::string_view kind() const override { return "measure_sensitivity"; }
  ParameterMap parameters() const override {
    return {{"formats", formats()},
            {"rounding", std::string(settings_.rounding == TrialRounding::kGptq ? "gptq" : "nearest")},
            {"tokens", settings_.tokens}};
  }
  std::vector<std::string> formats() const override { return texts_of(settings_.formats); }

  void look(MeasuredBlock& block, Statistics& found) const override {
    const HiddenStates expected = outputs(block);
    std::vector<HiddenStates> trials;
    std::vector<std::string> names;
    for (const Site site : kActivationSites) {
      const std::unique_ptr<GptqSolver> solver = solver_of(block, site);
      for (const LinearSlot slot : readers_of(site)) {
        for (const QuantFormat& format : settings_.formats) {
          block.try_matrix(slot, LinearWeight{.matrix = rounded(block, slot, format, solver.get())}.dense_float32());
          trials.push_back(outputs(block));
          names.push_back(divergence_name(block.layer(), name_of(slot), to_string(format)));
          block.withdraw();
        }
      }
    }
    const std::vector<double> divergences = block.divergences(expected, std::move(trials));
    for (std::size_t i = 0; i < names.size(); ++i) found.put(names[i], {static_cast<float>(divergences[i])});
  }

  // The blocks behind and the head for every trial; half of the blocks on average.
  BlockCost cost(const BlockCostQuestion& question) const override {
    const ModelConfig& config = question.config;
    const auto tokens = static_cast<double>(std::min(settings_.tokens, question.calibration.tokens));
    const auto hidden = static_cast<double>(config.hidden_size), vocabulary = static_cast<double>(config.vocab_size);
    double weights = 0;
    for (const LinearSlot slot : kLinearSlots) weights += weights_of(config, slot);
    const auto trials = static_cast<double>(kLinearSlots.size() * settings_.formats.size());
    const double behind = static_cast<double>(config.layers) / 2;
    BlockCost cost{.flops = 2 * tokens * trials * (behind * weights + hidden * vocabulary),
                   .memory = 4 * (tokens * trials * hidden + hidden * vocabulary),
                   .rounded = weights * static_cast<double>(settings_.formats.size())};
    if (settings_.rounding != TrialRounding::kGptq) return cost;
    for (const Site site : kActivationSites) {
      const auto width = static_cast<double>(linear_shape(config, readers_of(site).front()).columns);
      cost.flops += static_cast<double>(question.calibration.tokens) * width * width + width * width * width / 3;
    }
    return cost;
  }

 private:
  // The first positions at the end of the block, as it is now.
  HiddenStates outputs(MeasuredBlock& block) const {
    HiddenStates states;
    std::int64_t left = settings_.tokens;
    for (std::int64_t sequence = 0; sequence < block.sequences() && left > 0; ++sequence) {
      const ActivationRows rows = block.read(Tap::kBlockOutput, sequence);
      const std::int64_t count = std::min(left, rows.count);
      states.push_back(rows.tensor.narrow(0, 0, count).clone());
      left -= count;
    }
    return states;
  }

  // Null where weights are rounded to nearest.
  std::unique_ptr<GptqSolver> solver_of(MeasuredBlock& block, Site site) const {
    if (settings_.rounding == TrialRounding::kNearest) return nullptr;
    const std::int64_t columns = linear_shape(block.config(), readers_of(site).front()).columns;
    std::unique_ptr<GptqSolver> solver =
        gptq_solver({.columns = columns, .sequences = block.sequences()}, block.device(), block.executor());
    for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
      solver->add(block.read(tap_of(site), sequence).tensor);
    }
    solver->factorize(ColumnOrder::kByActivation, {}, fmt::format("{} of block {}", name_of(site), block.layer()));
    return solver;
  }

  static QuantizedMatrix rounded(MeasuredBlock& block, LinearSlot slot, const QuantFormat& format, GptqSolver* solver) {
    const at::Tensor tensor = block.weight(slot);
    const std::span weights(tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel()));
    try {
      if (solver) return solver->round(tensor, format, {}).matrix;
      return round_rtn_parallel(weights, tensor.size(0), tensor.size(1), format, block.executor()).matrix;
    } catch (const Error& error) {
      throw Error::inside(linear_name(block.layer(), slot), error);
    }
  }

  SensitivitySettings settings_;
};

}  // namespace

PassPointer measure_sensitivity(const SensitivitySettings& settings) {
  const std::string where = "measure_sensitivity";
  if (settings.formats.empty()) throw Error::usage(where + ": formats", "none", "at least one");
  for (const QuantFormat& format : settings.formats) {
    check_weight_format(format, where + ": formats");
    if (settings.rounding == TrialRounding::kGptq && format.kind != NumberKind::kInteger) {
      throw Error::usage(where + ": formats", to_string(format), "integers for rounding = \"gptq\"");
    }
    if (std::count(settings.formats.begin(), settings.formats.end(), format) > 1) {
      throw Error::usage(where + ": formats", to_string(format) + " twice", "every format once");
    }
  }
  if (settings.tokens < 1) throw Error::usage(where + ": tokens", fmt::format("{}", settings.tokens), "1 or more");
  return std::make_shared<const MeasureSensitivity>(settings);
}

PassPointer read_measure_sensitivity(ParameterReader& parameters) {
  SensitivitySettings settings;
  settings.formats = read_formats(parameters, "formats");
  settings.rounding = parameters.choice("rounding", "gptq", {"gptq", "nearest"}) == "gptq" ? TrialRounding::kGptq
                                                                                           : TrialRounding::kNearest;
  settings.tokens = parameters.integer("tokens", settings.tokens);
  return measure_sensitivity(settings);
}

}  // namespace qreason
