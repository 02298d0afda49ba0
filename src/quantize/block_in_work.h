// The runner's side of BlockView and BlockVisit: one block, its weights read once, on the calibration walks that the
// recipe's passes ask for.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "quantize/block_sink.h"
#include "quantize/block_visit.h"
#include "quantize/block_weights.h"
#include "quantize/pass.h"

namespace qreason {

// A calibration walk that views of one block share, whose weights differ and change: before it is read it is given
// those of the view that reads.
class SharedWalk {
 public:
  // Enters `walk`, which may be null: nothing can be read then.
  SharedWalk(CalibrationWalk* walk, const BlockWeights& found);
  std::int64_t sequences() const { return walk_ ? walk_->sequences() : 0; }
  std::int64_t length(std::int64_t sequence) const { return walk_->length(sequence); }  // of a walk that is there
  std::optional<at::Device> device() const { return walk_ ? walk_->device() : std::nullopt; }
  // `weights`: those that were found or a copy that has changed since.
  ActivationRows read(const BlockWeights& weights, Tap tap, std::int64_t sequence);
  void compute_mlp(const BlockWeights& weights, Tap tap, const at::Tensor& inputs, const at::Tensor& out);
  // Of a walk that is there.
  ActivationStore spare_store(std::int64_t width) const { return walk_->spare_store(width); }
  // Hands the outputs of the block with these weights on to the next one.
  void leave(const BlockWeights& weights);

 private:
  void hold(const BlockWeights& weights);

  CalibrationWalk* walk_;
  // Revisions of what the walk has.
  std::array<int, kLinearSlots.size()> linears_{};
  std::array<int, kBlockNorms.size()> norms_{};
  int sites_ = 0;
};

// A block as its source has it, on a walk when there is one. Enters it, and leaves it with leave().
template <class View>
class FoundBlock : public View {
 public:
  // The weights and the walk outlive the object; `walk` may be null.
  FoundBlock(const BlockWeights& weights, CalibrationWalk* walk, Executor& executor)
      : weights_(&weights), walk_(walk, weights), executor_(&executor) {}

  std::int64_t layer() const override { return weights_->layer(); }
  const ModelConfig& config() const override { return weights_->config(); }
  Executor& executor() override { return *executor_; }
  std::optional<at::Device> device() const override { return walk_.device(); }
  std::int64_t sequences() const override { return walk_.sequences(); }
  std::int64_t length(std::int64_t sequence) const override { return walk_.length(sequence); }
  ActivationRows read(Tap tap, std::int64_t sequence) override { return walk_.read(*weights_, tap, sequence); }
  void compute_mlp(Tap tap, const at::Tensor& inputs, const at::Tensor& out) override {
    walk_.compute_mlp(*weights_, tap, inputs, out);
  }
  const at::Tensor& gain(BlockNorm norm) const override { return weights_->gain(norm); }
  const LinearWeight& linear(LinearSlot slot) const override { return weights_->linear(slot); }

  // Hands the outputs of the block as it was found on to the next one.
  void leave() { walk_.leave(*weights_); }
  SharedWalk& walk() { return walk_; }

 protected:
  const BlockWeights& found() const { return *weights_; }

 private:
  const BlockWeights* weights_;
  SharedWalk walk_;
  Executor* executor_;
};

using FloatBlock = FoundBlock<BlockView>;

// The block that a statistics pass measures.
class BlockOnTrial : public FoundBlock<MeasuredBlock> {
 public:
  // Everything outlives the object.
  BlockOnTrial(const BlockWeights& weights, CalibrationWalk& walk, ModelBehind& behind, Executor& executor)
      : FoundBlock(weights, &walk, executor), behind_(&behind) {}

  ActivationRows read(Tap tap, std::int64_t sequence) override { return walk().read(current(), tap, sequence); }
  void compute_mlp(Tap tap, const at::Tensor& inputs, const at::Tensor& out) override {
    walk().compute_mlp(current(), tap, inputs, out);
  }
  void try_matrix(LinearSlot slot, at::Tensor matrix) override;
  void withdraw() override { trial_.reset(); }
  std::vector<double> divergences(HiddenStates found, std::vector<HiddenStates> trials) override {
    return behind_->divergences(layer(), std::move(found), std::move(trials));
  }

 private:
  const BlockWeights& current() const { return trial_ ? *trial_ : found(); }

  std::optional<BlockWeights> trial_;
  int revision_ = 0;  // the last one given
  ModelBehind* behind_;
};

// The walks of a recipe's block passes: on float and on rounded inputs, each only where a pass asks for it. The first
// hands on what the block as found computes, whoever has read it.
struct BlockWalks {
  CalibrationWalk* original = nullptr;
  CalibrationWalk* rounded = nullptr;
};

// The plan of the quantized model, and that of the same model where nothing is rounded: what the walks compute once all
// transforms of the block passes are there.
struct BlockPlans {
  const ModelPlan& quantized;
  const ModelPlan& transformed;
};

class BlockInWork : public BlockVisit {
 public:
  // Everything outlives the object. Without an original walk nothing is read of original() once it is replaced: its
  // linears are then gone.
  BlockInWork(const WeightSource& source, const BlockPlans& plans, std::int64_t layer, BlockWalks walks,
              Executor& executor);

  std::int64_t layer() const override { return weights_.layer(); }
  const ModelConfig& config() const override { return weights_.config(); }
  Executor& executor() override { return *executor_; }
  std::optional<at::Device> device() const override { return reads_ ? reads_->device() : std::nullopt; }
  std::int64_t sequences() const override { return reads_ ? reads_->sequences() : 0; }
  std::int64_t length(std::int64_t sequence) const override { return reads_->length(sequence); }
  ActivationRows read(Tap tap, std::int64_t sequence) override;
  void compute_mlp(Tap tap, const at::Tensor& inputs, const at::Tensor& out) override;
  const at::Tensor& gain(BlockNorm norm) const override { return weights_.gain(norm); }
  const LinearWeight& linear(LinearSlot slot) const override { return weights_.linear(slot); }

  BlockView& original() override { return original_; }
  const std::vector<LinearSlot>& to_round() const override { return to_round_; }
  bool is_rounded(LinearSlot slot) const override { return block_plan().weights.contains(slot); }
  const QuantFormat& format(LinearSlot slot) const override { return block_plan().weights.at(slot); }
  void try_matrix(LinearSlot slot, at::Tensor matrix) override;
  void withdraw() override { trial_.reset(); }
  ActivationStore spare_store(std::int64_t width) override { return walk().spare_store(width); }
  void replace(LinearSlot slot, LinearWeight weight, const LinearReport& report) override;
  void replace_gain(BlockNorm norm, at::Tensor gain) override;
  void replace_site_tensor(Site site, std::string_view part, at::Tensor tensor) override;
  const BlockPlan& block_plan() const override { return plans_.quantized.block(layer()); }
  int tensor_parallel() const override { return plans_.quantized.tensor_parallel; }
  BlockProgress& progress() override { return progress_; }

  // The runner's part of a visit: which pass is at work, the linears that it rounds and where it keeps its progress;
  // the finished block; the way on.
  void begin(const BlockPass& pass, std::vector<LinearSlot> to_round, BlockProgress progress = {{}, {}});
  // `heard` is told what the report will say of every linear that is replaced.
  void hear(std::function<void(const OrderedJson&)> heard) { heard_ = std::move(heard); }
  void put_into(BlockSink& sink, const std::string& part) const;
  std::vector<OrderedJson> take_reports() { return std::move(reports_); }
  void leave();

 private:
  SharedWalk& walk();  // of the pass at work; an Error where it has none

  BlockWeights source_weights_, weights_;  // as found, and as it is now
  std::optional<BlockWeights> trial_;      // the block as a search has it for now
  bool keeps_original_;
  int revision_ = 0;  // the last one given
  FloatBlock original_;
  SharedWalk rounded_;
  SharedWalk* reads_ = nullptr;  // the walk of the pass at work
  BlockPlans plans_;
  Executor* executor_;
  BlockProgress progress_{{}, {}};
  std::string pass_;
  std::vector<LinearSlot> to_round_;
  std::vector<OrderedJson> reports_;
  std::function<void(const OrderedJson&)> heard_;
};

}  // namespace qreason
