#include "quantize/model_behind.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/interrupt.h"
#include "kernels/matmul.h"
#include "kernels/rows.h"
#include "model/linear.h"
#include "quantize/walked_block.h"

namespace qreason {
namespace {

constexpr std::int64_t kLogitRows = 64;  // at once: logits of a large vocabulary

// The whole of a block on the rows of one sequence, in place.
class BlockRun {
 public:
  explicit BlockRun(WalkedBlock& block) : block_(block) {}
  void run(std::vector<float>& hidden) {
    const BlockShape& shape = block_.shape();
    const std::int64_t rows = static_cast<std::int64_t>(hidden.size()) / shape.hidden;
    const auto size = [rows](std::int64_t width) { return static_cast<std::size_t>(rows * width); };
    input_.resize(size(shape.hidden));
    attention_.resize(size(shape.query));
    middle_.resize(size(shape.intermediate));
    block_.attention_input(hidden.data(), rows, input_.data());
    block_.attend(input_.data(), rows, attention_.data());
    block_.add_attention(hidden.data(), attention_.data(), rows);
    block_.mlp_input(hidden.data(), rows, input_.data());
    block_.mlp_middle(input_.data(), rows, middle_.data());
    block_.add_mlp(hidden.data(), middle_.data(), rows);
  }

 private:
  WalkedBlock& block_;
  std::vector<float> input_, attention_, middle_;
};

// What is expected of one position: its probabilities are made once for all trials.
struct Expected {
  const float* logits = nullptr;  // [vocabulary]
  std::vector<float> probabilities;
  double log_sum = 0;

  void set(const float* values, std::size_t vocabulary) {
    logits = values;
    log_sum = log_sum_exp({values, vocabulary});
    probabilities.resize(vocabulary);
    const auto shift = static_cast<float>(log_sum);
    for (std::size_t i = 0; i < vocabulary; ++i) probabilities[i] = std::exp(values[i] - shift);
  }

  // sum p (log p - log q)
  double divergence(const float* predicted) const {
    const double shift = log_sum_exp({predicted, probabilities.size()}) - log_sum;
    double sum = 0;
    for (std::size_t i = 0; i < probabilities.size(); ++i) {
      sum += double{probabilities[i]} * (double{logits[i]} - double{predicted[i]} + shift);
    }
    return std::max(sum, 0.0);  // never negative but for rounding
  }
};

}  // namespace

ModelBehind::ModelBehind(const WeightSource& source, std::optional<at::Device> device, Executor& executor)
    : source_(source), device_(device), executor_(executor) {}

void ModelBehind::pack_head() {
  if (!head_.empty()) return;
  const ModelConfig& config = source_.config();
  gain_ = float_vector(source_.tensor(kFinalNormName), config.hidden_size, kFinalNormName);
  head_ = config.tied_embeddings
              ? pack_dense(source_.tensor(kEmbeddingName), ComputeType::kFloat32, kEmbeddingName, executor_)
              : pack_weight(source_.linear(kHeadName), ComputeType::kFloat32, kHeadName, executor_);
}

void ModelBehind::logits(const float* rows, std::int64_t count, std::vector<float>& out) {
  const ModelConfig& config = source_.config();
  normed_.resize(static_cast<std::size_t>(count * config.hidden_size));
  out.resize(static_cast<std::size_t>(count * config.vocab_size));
  rms_norm(rows, count, config.hidden_size, gain_.data(), static_cast<float>(config.rms_norm_epsilon), normed_.data(),
           executor_);
  matmul(head_,
         {.x = normed_.data(),
          .rows = count,
          .x_stride = config.hidden_size,
          .y = out.data(),
          .y_stride = config.vocab_size},
         executor_);
}

void ModelBehind::run_blocks(std::int64_t first, HiddenStates& found, std::vector<HiddenStates>& trials) {
  const ModelConfig& config = source_.config();
  std::size_t longest = 0;
  for (const std::vector<float>& rows : found) longest = std::max(longest, rows.size());
  const std::int64_t rows = static_cast<std::int64_t>(longest) / config.hidden_size;
  const std::unique_ptr<WalkedBlocks> blocks =
      device_ ? reference_blocks(config, *device_) : packed_blocks(config, rows, executor_);
  for (std::int64_t layer = first; layer < config.layers; ++layer) {
    const std::unique_ptr<WalkedBlock> block = blocks->open(source_, layer);
    BlockRun run(*block);
    for (std::vector<float>& sequence : found) run.run(sequence);
    for (HiddenStates& trial : trials) {
      check_interrupt();
      for (std::vector<float>& sequence : trial) run.run(sequence);
    }
  }
}

std::vector<double> ModelBehind::divergences(std::int64_t layer, HiddenStates found, std::vector<HiddenStates> trials) {
  run_blocks(layer + 1, found, trials);
  pack_head();
  const std::int64_t hidden = source_.config().hidden_size;
  const auto vocabulary = static_cast<std::size_t>(source_.config().vocab_size);
  std::vector<double> sums(trials.size());
  std::vector<double> rows_of_trial(static_cast<std::size_t>(kLogitRows));
  std::vector<Expected> expected(static_cast<std::size_t>(kLogitRows));
  std::vector<float> found_logits, trial_logits;
  std::int64_t tokens = 0;
  for (std::size_t s = 0; s < found.size(); ++s) {
    const std::int64_t rows = static_cast<std::int64_t>(found[s].size()) / hidden;
    tokens += rows;
    for (std::int64_t begin = 0; begin < rows; begin += kLogitRows) {
      check_interrupt();
      const std::int64_t count = std::min(kLogitRows, rows - begin);
      logits(found[s].data() + begin * hidden, count, found_logits);
      executor_.run(count, [&](std::int64_t row) {
        expected[row].set(found_logits.data() + static_cast<std::size_t>(row) * vocabulary, vocabulary);
      });
      for (std::size_t trial = 0; trial < trials.size(); ++trial) {
        logits(trials[trial].at(s).data() + begin * hidden, count, trial_logits);
        executor_.run(count, [&](std::int64_t row) {
          rows_of_trial[row] =
              expected[row].divergence(trial_logits.data() + static_cast<std::size_t>(row) * vocabulary);
        });
        sums[trial] = std::accumulate(rows_of_trial.begin(), rows_of_trial.begin() + count, sums[trial]);
      }
    }
  }
  if (tokens == 0) throw Error("divergence", "no positions", "at least one");
  for (double& sum : sums) sum /= static_cast<double>(tokens);
  return sums;
}

}  // namespace qreason
