// Trains one block's transforms and clips to reproduce the float block's outputs (methods.md, section 10): AdamW, a
// cosine schedule to 5e-6 over all steps, loss = mean squared error over its own detached value. A mean is over the
// tokens of a step, however long its sequences are.
//
// A step or an epoch that ends in numbers that are not finite, and a training that leaves the block a loss which is no
// number or above the one before it, by more than the tenth by which rounding makes losses rise and fall, are begun
// again with half the learning rates, at most kMaxRestarts times; then an Error. The same seed and data give the same
// bits where libtorch computes on one thread, whether the training was cut off and taken up again or not.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "quantize/block_progress.h"
#include "quantize/flatquant/adam_w.h"
#include "quantize/flatquant/flat_block.h"

namespace qreason {

inline constexpr int kMaxRestarts = 3;
inline constexpr double kDivergedLoss = 1.1;  // of the loss before
// Tokens of a step that are in memory together, unless one sequence has more: gradients of the parts are added up.
inline constexpr std::int64_t kTokensAtOnce = 2560;

struct TrainingOptions {
  std::int64_t epochs = 15;
  std::int64_t batch_size = 4;  // sequences of a step
  double learning_rate = 5e-3;  // of transforms and diagonals
  double clip_learning_rate = 5e-2;
};

// The calibration sequences of a block.
struct TrainingData {
  std::vector<std::int64_t> lengths;  // tokens, by sequence
  std::int64_t width = 0;
  // Copies the rows [lengths[sequence], width] of a sequence into a tensor where the block computes.
  std::function<void(std::int64_t sequence, const at::Tensor&rows)> read_input, read_target;
  at::Device device = at::kCPU;  // where that is

  std::int64_t sequences() const { return static_cast<std::int64_t>(lengths.size()); }
  std::int64_t longest() const;
};

// The order of the sequences, one list an epoch; steps take batch_size of them after each other, the last what is left.
using BatchOrder = std::vector<std::vector<std::int64_t>>;

struct TrainingResult {
  double start_loss = 0;                         // mean over all steps, before anything was learned
  std::vector<std::vector<double>> step_losses;  // by epoch; of the last attempt
  double end_loss = 0;                           // as start_loss, of what was learned
  std::int64_t restarts = 0;
  double mean_loss(std::size_t epoch) const;
};

class BlockTrainer {
 public:
  // Everything outlives the object.
  BlockTrainer(FlatBlock& block, const TrainingData& data, const BatchOrder& order, const TrainingOptions& options,
               const ReferenceAngles& angles);

  // Changes `state`, which is the start. `where` names the block in errors.
  TrainingResult run(FlatState& state, const BlockProgress& progress, const std::string& where);

 private:
  struct Attempt;
  std::vector<std::int64_t> sequences_of(std::size_t epoch, std::int64_t step) const;
  std::vector<std::vector<std::int64_t>> parts_of(const std::vector<std::int64_t>& sequences) const;
  at::Tensor squares_of(const FlatState& state, const std::vector<std::int64_t>& part);
  // Where the state has gradients they are added to by those of the loss.
  double loss_of(const FlatState& state, const std::vector<std::int64_t>& sequences);
  at::Tensor batch(const std::vector<std::int64_t>& sequences,
                   const std::function<void(std::int64_t, const at::Tensor&)>& read) const;
  at::Tensor real_rows(const std::vector<std::int64_t>& sequences, std::int64_t longest) const;
  double mean_loss(const FlatState& state);  // over all steps, nothing learned
  bool train_epoch(Attempt& attempt);        // false where it diverged
  void set_rates(Attempt& attempt, std::int64_t step) const;

  FlatBlock& block_;
  const TrainingData& data_;
  const BatchOrder& order_;
  TrainingOptions options_;
  const ReferenceAngles& angles_;
  std::int64_t epoch_steps_;
};

// The loss that is trained, of one batch [sequences, length, width]: the mean squared error of the block's outputs.
at::Tensor block_loss(FlatBlock& block, const FlatState& state, const at::Tensor& inputs, const at::Tensor& targets,
                      const ReferenceAngles& angles);

}  // namespace qreason
