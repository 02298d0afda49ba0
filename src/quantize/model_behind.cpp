#include "quantize/model_behind.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rsqrt.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/interrupt.h"
#include "kernels/matmul.h"
#include "kernels/packed_matrix.h"
#include "kernels/rows.h"
#include "model/linear.h"
#include "quantize/walked_block.h"

namespace qreason {
namespace {

constexpr std::int64_t kLogitRows = 64;  // at once: logits of a large vocabulary

// The whole of a block on the rows of one sequence, in place.
void run(WalkedBlock& block, const at::Tensor& hidden) {
  const BlockShape& shape = block.shape();
  const auto rows = [&](std::int64_t width) { return at::empty({hidden.size(0), width}, hidden.options()); };
  const at::Tensor input = rows(shape.hidden), attention = rows(shape.query), middle = rows(shape.intermediate);
  block.attention_input(hidden, input);
  block.attend(input, attention);
  block.add_attention(hidden, attention);
  block.mlp_input(hidden, input);
  block.mlp_middle(input, middle);
  block.add_mlp(hidden, middle);
}

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

// The last norm, the head, and what they tell of some rows: [rows, hidden] of the model and of one trial.
class ModelBehind::Head {
 public:
  virtual ~Head() = default;
  // What the model predicts from these rows is what the trials are compared with from now on.
  virtual void expect(const at::Tensor& rows) = 0;
  virtual void add_divergences(const at::Tensor& rows, double& sum) = 0;  // row after row
};

class ModelBehind::PackedHead : public Head {
 public:
  PackedHead(const WeightSource& source, Executor& executor)
      : config_(source.config()),
        executor_(executor),
        head_(config_.tied_embeddings
                  ? pack_dense(source.tensor(kEmbeddingName), ComputeType::kFloat32, kEmbeddingName, executor)
                  : pack_weight(source.linear(kHeadName), ComputeType::kFloat32, kHeadName, executor)),
        gain_(float_vector(source.tensor(kFinalNormName), config_.hidden_size, kFinalNormName)),
        expected_(static_cast<std::size_t>(kLogitRows)),
        divergences_(static_cast<std::size_t>(kLogitRows)) {}

  void expect(const at::Tensor& rows) override {
    logits(rows, found_);
    executor_.run(rows.size(0), [&](std::int64_t row) {
      expected_[row].set(found_.data() + row * config_.vocab_size, static_cast<std::size_t>(config_.vocab_size));
    });
  }
  void add_divergences(const at::Tensor& rows, double& sum) override {
    logits(rows, trial_);
    executor_.run(rows.size(0), [&](std::int64_t row) {
      divergences_[row] = expected_[row].divergence(trial_.data() + row * config_.vocab_size);
    });
    sum = std::accumulate(divergences_.begin(), divergences_.begin() + rows.size(0), sum);
  }

 private:
  void logits(const at::Tensor& rows, std::vector<float>& out) {
    const std::int64_t count = rows.size(0);
    normed_.resize(static_cast<std::size_t>(count * config_.hidden_size));
    out.resize(static_cast<std::size_t>(count * config_.vocab_size));
    rms_norm(rows.const_data_ptr<float>(), count, config_.hidden_size, gain_.data(),
             static_cast<float>(config_.rms_norm_epsilon), normed_.data(), executor_);
    matmul(head_,
           {.x = normed_.data(),
            .rows = count,
            .x_stride = config_.hidden_size,
            .y = out.data(),
            .y_stride = config_.vocab_size},
           executor_);
  }

  const ModelConfig& config_;
  Executor& executor_;
  PackedMatrix head_;
  std::vector<float> gain_, normed_, found_, trial_;
  std::vector<Expected> expected_;
  std::vector<double> divergences_;
};

class ModelBehind::TensorHead : public Head {
 public:
  TensorHead(const WeightSource& source, at::Device device)
      : epsilon_(static_cast<float>(source.config().rms_norm_epsilon)),
        gain_(source.tensor(kFinalNormName).to(device, at::kFloat)),
        head_(
            (source.config().tied_embeddings ? source.tensor(kEmbeddingName) : source.linear(kHeadName).dense_float32())
                .to(device, at::kFloat)) {}

  void expect(const at::Tensor& rows) override { expected_ = log_probabilities(rows); }
  void add_divergences(const at::Tensor& rows, double& sum) override {
    const at::Tensor terms = expected_.exp() * (expected_ - log_probabilities(rows));
    sum += terms.sum(-1, false, at::kDouble).clamp_min(0).sum().item<double>();
  }

 private:
  at::Tensor log_probabilities(const at::Tensor& rows) const {
    const at::Tensor normed = rows * at::rsqrt((rows * rows).mean(-1, true) + epsilon_) * gain_;
    return at::log_softmax(at::matmul(normed, head_.t()), -1);
  }

  double epsilon_;
  at::Tensor gain_, head_, expected_;
};

ModelBehind::ModelBehind(const WeightSource& source, std::optional<at::Device> device, Executor& executor)
    : source_(source), device_(device), executor_(executor) {}
ModelBehind::~ModelBehind() = default;

void ModelBehind::run_blocks(std::int64_t first, const HiddenStates& found, const std::vector<HiddenStates>& trials) {
  const ModelConfig& config = source_.config();
  std::int64_t longest = 0;
  for (const at::Tensor& rows : found) longest = std::max(longest, rows.size(0));
  const std::unique_ptr<WalkedBlocks> blocks =
      device_ ? reference_blocks(config, *device_) : packed_blocks(config, longest, executor_);
  for (std::int64_t layer = first; layer < config.layers; ++layer) {
    const std::unique_ptr<WalkedBlock> block = blocks->open(source_, layer);
    for (const at::Tensor& sequence : found) run(*block, sequence);
    for (const HiddenStates& trial : trials) {
      check_interrupt();
      for (const at::Tensor& sequence : trial) run(*block, sequence);
    }
  }
}

std::vector<double> ModelBehind::divergences(std::int64_t layer, HiddenStates found, std::vector<HiddenStates> trials) {
  run_blocks(layer + 1, found, trials);
  if (!head_ && device_) head_ = std::make_unique<TensorHead>(source_, *device_);
  if (!head_) head_ = std::make_unique<PackedHead>(source_, executor_);
  std::vector<double> sums(trials.size());
  std::int64_t tokens = 0;
  for (std::size_t s = 0; s < found.size(); ++s) {
    const std::int64_t rows = found[s].size(0);
    tokens += rows;
    for (std::int64_t begin = 0; begin < rows; begin += kLogitRows) {
      check_interrupt();
      const std::int64_t count = std::min(kLogitRows, rows - begin);
      head_->expect(found[s].narrow(0, begin, count));
      for (std::size_t trial = 0; trial < trials.size(); ++trial) {
        head_->add_divergences(trials[trial].at(s).narrow(0, begin, count), sums[trial]);
      }
    }
  }
  if (tokens == 0) throw Error("divergence", "no positions", "at least one");
  for (double& sum : sums) sum /= static_cast<double>(tokens);
  return sums;
}

}  // namespace qreason
