// The runner's side of BlockView and BlockVisit: one block, its weights read once, on the calibration walks that the
// recipe's passes ask for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "quantize/block_sink.h"
#include "quantize/block_visit.h"
#include "quantize/block_weights.h"

namespace qreason {

// The block as its source has it. Enters the walk, when there is one, and leaves it with leave().
class FloatBlock : public BlockView {
 public:
  // The weights and the walk outlive the object; `walk` may be null.
  FloatBlock(const BlockWeights& weights, CalibrationWalk* walk, Executor& executor);

  std::int64_t layer() const override { return weights_->layer(); }
  const ModelConfig& config() const override { return weights_->config(); }
  Executor& executor() override { return *executor_; }
  std::int64_t sequences() const override { return walk_ ? walk_->sequences() : 0; }
  ActivationRows read(Tap tap, std::int64_t sequence) override;
  const at::Tensor& gain(BlockNorm norm) const override { return weights_->gain(norm); }
  const LinearWeight& linear(LinearSlot slot) const override { return weights_->linear(slot); }

  // Hands the block's outputs on to the next one.
  void leave();

 private:
  const BlockWeights* weights_;
  CalibrationWalk* walk_;
  Executor* executor_;
};

// The walks of a recipe's block passes: float and rounded propagation, each only where a pass asks for it.
struct BlockWalks {
  CalibrationWalk* original = nullptr;
  CalibrationWalk* rounded = nullptr;
};

class BlockInWork : public BlockVisit {
 public:
  // Everything outlives the object. `plan` is that of the quantized model.
  BlockInWork(const WeightSource& source, const ModelPlan& plan, std::int64_t layer, BlockWalks walks,
              Executor& executor);

  std::int64_t layer() const override { return weights_.layer(); }
  const ModelConfig& config() const override { return weights_.config(); }
  Executor& executor() override { return *executor_; }
  std::int64_t sequences() const override { return walk_ ? walk_->sequences() : original_.sequences(); }
  ActivationRows read(Tap tap, std::int64_t sequence) override;
  const at::Tensor& gain(BlockNorm norm) const override { return weights_.gain(norm); }
  const LinearWeight& linear(LinearSlot slot) const override { return weights_.linear(slot); }

  BlockView& original() override { return original_; }
  const std::vector<LinearSlot>& to_round() const override { return to_round_; }
  const QuantFormat& format(LinearSlot slot) const override;
  void replace(LinearSlot slot, LinearWeight weight, const LinearReport& report) override;
  void replace_gain(BlockNorm norm, at::Tensor gain) override;

  // The runner's part of a visit: which pass is at work and the linears that it rounds; the finished block; the way on.
  void begin(std::string_view pass, std::vector<LinearSlot> to_round);
  void put_into(BlockSink& sink, const std::string& part) const;
  std::vector<OrderedJson> take_reports() { return std::move(reports_); }
  void leave();

 private:
  BlockWeights source_weights_, weights_;  // as found, and as it is now
  FloatBlock original_;
  CalibrationWalk* walk_;
  const ModelPlan* plan_;
  Executor* executor_;
  std::string pass_;
  std::vector<LinearSlot> to_round_;
  std::vector<OrderedJson> reports_;
};

}  // namespace qreason
