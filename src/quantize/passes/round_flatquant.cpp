#include "quantize/passes/round_flatquant.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/kept_memory.h"
#include "base/stopwatch.h"
#include "quantize/block_visit.h"
#include "quantize/flatquant/flat_cost.h"
#include "quantize/flatquant/viewed_weights.h"
#include "quantize/flatquant/visited_block.h"
#include "quantize/passes/flatquant_settings.h"
#include "quantize/passes/round_rtn.h"

namespace qreason {
namespace {

// libtorch computes on one thread for as long as this lives: what is worth sharing the executor's threads share, and
// two pools that wait for each other spin most of the time.
class OneLibtorchThread {
 public:
  OneLibtorchThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneLibtorchThread() { at::set_num_threads(before_); }
  OneLibtorchThread(const OneLibtorchThread&) = delete;
  OneLibtorchThread& operator=(const OneLibtorchThread&) = delete;

 private:
  int before_;
};

class RoundFlatQuant : public BlockPass {
 public:
  explicit RoundFlatQuant(const FlatQuantSettings& settings) : settings_(settings) {}
  std::string_view kind() const override { return kRoundFlatQuant; }
  ParameterMap parameters() const override { return parameters_of(settings_); }
  std::vector<std::string> files() const override { return files_of(settings_); }
  Propagation propagation() const override {
    return settings_.inputs == FlatQuantSettings::Inputs::kFloat ? Propagation::kFloat : Propagation::kBoth;
  }
  BlockWork work() const override { return BlockWork::kRound; }
  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    add_flatquant_plan(settings_, config, plan);
  }

  bool keeps_outputs() const override { return false; }  // of v and up
  BlockCost cost(const BlockCostQuestion& question) const override { return flat_cost(question, settings_.training); }

  void apply(BlockVisit& block) const override {
    if (block.to_round().empty()) return;  // a block that stays float
    const std::string where = fmt::format("round_flatquant: block {}", block.layer());
    const Stopwatch watch;
    const OneLibtorchThread threads;
    const ViewedWeights weights(block);
    const FlatShape shape = flat_shape(block.config(), block.tensor_parallel());
    auto [state, dead_channels] = start_of(block, weights, shape);
    const at::Device device = block.device().value_or(at::kCPU);
    state.place(device);
    FlatBlock flat(weights, block.layer(), block.block_plan(), shape, block.executor(), device);
    LinearReport report;
    report.counts["dead_channels"] = dead_channels;
    if (settings_.training.epochs > 0) {
      const TrainingResult trained = train(block, flat, state, where);
      report.counts["training_restarts"] = trained.restarts;
      report.numbers["block_loss_before"] = trained.start_loss;
      report.numbers["block_loss_after"] = trained.end_loss;
      report.numbers["training_rate"] = settings_.training.learning_rate * std::pow(0.5, trained.restarts);
      report.numbers["training_seconds"] = watch.seconds();
      report.step_losses = trained.step_losses;
    }
    put(block, flat.fold(state), std::move(report));
  }

 private:
  PublishedStart start_of(BlockVisit& block, const WeightSource& weights, const FlatShape& shape) const {
    PublishedStart start = published_start(block.original(), weights, shape, settings_.parametrization);
    if (!settings_.initial_state.empty()) read_initial_state(settings_.initial_state, block.layer(), start.state);
    return start;
  }

  TrainingResult train(BlockVisit& block, FlatBlock& flat, FlatState& state, const std::string& where) const {
    BlockView& original = block.original();
    const bool rounded = settings_.inputs == FlatQuantSettings::Inputs::kRounded;
    const TrainingData data = training_data(rounded ? static_cast<BlockView&>(block) : original, original);
    const BatchOrder order = batch_order(settings_, data.sequences());
    const CalibrationSize size{.sequences = data.sequences(), .tokens = 0, .longest = data.longest()};
    const BlockCost cost =
        flat_cost({.config = block.config(), .plan = block.block_plan(), .calibration = size}, settings_.training);
    const auto memory = cost.memory < kMostKeptBytes ? std::make_unique<KeptMemory>() : nullptr;
    const RopeTable rope(block.config());
    const ReferenceAngles angles =
        reference_angles(rope, block.config(), data.longest(), {.type = at::kFloat, .device = data.device});
    return BlockTrainer(flat, data, order, settings_.training, angles).run(state, block.progress(), where);
  }

  // The report of the training is that of the first linear.
  static void put(BlockVisit& block, const FoldedBlock& folded, LinearReport report) {
    for (const FoldedBlock::SiteTensor& tensor : folded.sites) {
      block.replace_site_tensor(tensor.site, tensor.part, tensor.values);
    }
    block.replace_gain(BlockNorm::kInput, folded.input_gain);
    block.replace_gain(BlockNorm::kPost, folded.post_gain);
    for (const LinearSlot slot : block.to_round()) {
      const std::optional<at::Tensor>& bias = folded.biases[static_cast<std::size_t>(slot)];
      round_linear(
          block, slot,
          [&] {
            return FloatLinear{folded.weights(slot), bias};
          },
          std::move(report));
      report = {};
    }
  }

  FlatQuantSettings settings_;
};

}  // namespace

PassPointer round_flatquant(const FlatQuantSettings& settings) {
  check(settings);
  return std::make_shared<const RoundFlatQuant>(settings);
}

PassPointer read_round_flatquant(ParameterReader& parameters) {
  return round_flatquant(read_flatquant_settings(parameters));
}

}  // namespace qreason
