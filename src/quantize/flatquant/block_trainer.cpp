#include "quantize/flatquant/block_trainer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/interrupt.h"
#include "quantize/flatquant/training_state.h"

namespace qreason {
namespace {

constexpr double kLastRate = 5e-6;

bool is_finite(FlatState& state) {
  bool finite = true;
  state.visit([&](const std::string&, at::Tensor& value, FlatState::Kind) {
    finite = finite && value.detach().isfinite().all().item<bool>();
  });
  return finite;
}

}  // namespace

struct BlockTrainer::Attempt {
  FlatState& state;
  TrainingResult& result;
  AdamW optimizer;
  std::vector<double> rates;  // where each parameter's schedule starts

  Attempt(FlatState& learned, TrainingResult& found, const TrainingOptions& options) : state(learned), result(found) {
    const double factor = std::pow(0.5, static_cast<double>(found.restarts));
    state.visit([&](const std::string&, at::Tensor& value, FlatState::Kind kind) {
      value = value.detach().requires_grad_(true);
      const double rate = kind == FlatState::Kind::kClip ? options.clip_learning_rate : options.learning_rate;
      rates.push_back(factor * rate);
      optimizer.add(value, rates.back());
    });
  }
};

double TrainingResult::mean_loss(std::size_t epoch) const {
  const std::vector<double>& losses = step_losses.at(epoch);
  return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
}

at::Tensor block_loss(FlatBlock& block, const FlatState& state, const at::Tensor& inputs, const at::Tensor& targets,
                      const ReferenceAngles& angles, const std::optional<at::Tensor>& real_rows) {
  const at::Tensor outputs = block.forward(state, inputs, angles);
  if (!real_rows) return at::mse_loss(targets, outputs);
  const auto width = static_cast<double>(targets.size(-1));
  return ((targets - outputs).square() * *real_rows).sum() / (real_rows->sum() * width);
}

std::int64_t TrainingData::longest() const {
  return lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
}

BlockTrainer::BlockTrainer(FlatBlock& block, const TrainingData& data, const BatchOrder& order,
                           const TrainingOptions& options, const ReferenceAngles& angles)
    : block_(block),
      data_(data),
      order_(order),
      options_(options),
      angles_(angles),
      epoch_steps_((data.sequences() + options.batch_size - 1) / options.batch_size) {}

std::vector<std::int64_t> BlockTrainer::sequences_of(std::size_t epoch, std::int64_t step) const {
  const std::vector<std::int64_t>& order = order_[epoch];
  const auto first = order.begin() + step * options_.batch_size;
  const auto count = std::min<std::int64_t>(options_.batch_size, order.end() - first);
  return {first, first + count};
}

at::Tensor BlockTrainer::batch(const std::vector<std::int64_t>& sequences,
                               const std::function<void(std::int64_t, float*)>& read) const {
  std::int64_t longest = 0;
  for (const std::int64_t sequence : sequences) longest = std::max(longest, data_.lengths[sequence]);
  at::Tensor rows = at::empty({static_cast<std::int64_t>(sequences.size()), longest, data_.width}, at::kFloat);
  float* to = rows.data_ptr<float>();
  for (const std::int64_t sequence : sequences) {
    read(sequence, to);
    // What fills up a shorter sequence is a row like the others, so that its gradient, times 0, is a number.
    const float* last = to + (data_.lengths[sequence] - 1) * data_.width;
    float* const end = to + longest * data_.width;
    for (to += data_.lengths[sequence] * data_.width; to != end; to += data_.width) std::copy_n(last, data_.width, to);
  }
  return rows;
}

// Which rows of the batch are no filling; nothing where all are real.
std::optional<at::Tensor> BlockTrainer::real_rows(const std::vector<std::int64_t>& sequences) const {
  std::vector<std::int64_t> lengths;
  for (const std::int64_t sequence : sequences) lengths.push_back(data_.lengths[sequence]);
  const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  if (std::all_of(lengths.begin(), lengths.end(), [&](std::int64_t length) { return length == longest; })) return {};
  at::Tensor real = at::zeros({static_cast<std::int64_t>(sequences.size()), longest, 1}, at::kFloat);
  for (std::size_t i = 0; i < lengths.size(); ++i) real[static_cast<std::int64_t>(i)].slice(0, 0, lengths[i]).fill_(1);
  return real;
}

at::Tensor BlockTrainer::loss_of(const FlatState& state, const std::vector<std::int64_t>& sequences) {
  check_interrupt();
  const at::Tensor inputs = batch(sequences, data_.read_input);
  const ReferenceAngles angles{.cosine = angles_.cosine.narrow(0, 0, inputs.size(1)),
                               .sine = angles_.sine.narrow(0, 0, inputs.size(1))};
  return block_loss(block_, state, inputs, batch(sequences, data_.read_target), angles, real_rows(sequences));
}

double BlockTrainer::loss_before(const FlatState& state) {
  const at::NoGradGuard no_gradients;
  double sum = 0;
  for (std::int64_t step = 0; step < epoch_steps_; ++step) {
    sum += loss_of(state, sequences_of(0, step)).item<double>();
  }
  return sum / static_cast<double>(epoch_steps_);
}

void BlockTrainer::set_rates(Attempt& attempt, std::int64_t step) const {
  const std::int64_t steps = epoch_steps_ * options_.epochs;
  for (std::size_t i = 0; i < attempt.rates.size(); ++i) {
    const double end = std::min(kLastRate, attempt.rates[i]);
    attempt.optimizer.parameters()[i].learning_rate = cosine_rate(attempt.rates[i], end, step, steps);
  }
}

bool BlockTrainer::train_epoch(Attempt& attempt) {
  std::vector<double> losses;
  const std::size_t epoch = attempt.result.step_losses.size();
  for (std::int64_t step = 0; step < epoch_steps_; ++step) {
    set_rates(attempt, static_cast<std::int64_t>(epoch) * epoch_steps_ + step);
    const at::Tensor loss = loss_of(attempt.state, sequences_of(epoch, step));
    losses.push_back(loss.item<double>());
    if (!std::isfinite(losses.back())) return false;
    if (losses.back() == 0) continue;  // nothing is left to learn, and no direction to learn it in
    attempt.optimizer.clear_gradients();
    (loss / loss.detach()).backward();
    attempt.optimizer.step();
  }
  attempt.result.step_losses.push_back(std::move(losses));
  return is_finite(attempt.state);
}

TrainingResult BlockTrainer::run(FlatState& state, const BlockProgress& progress, const std::string& where) {
  const FlatState start = copy_of(state);
  TrainingResult result;
  const std::optional<std::string> kept = progress.load();
  if (!kept) result.start_loss = loss_before(state);
  if (kept) result = read_result(*kept, where);
  auto attempt = std::make_unique<Attempt>(state, result, options_);
  if (kept) read_state(*kept, state, attempt->optimizer, where);
  while (static_cast<std::int64_t>(result.step_losses.size()) < options_.epochs) {
    bool fine = train_epoch(*attempt);
    const bool last = static_cast<std::int64_t>(result.step_losses.size()) == options_.epochs;
    if (fine && last) fine = result.mean_loss(result.step_losses.size() - 1) <= kDivergedLoss * result.start_loss;
    if (!fine) {
      if (result.restarts == kMaxRestarts) {
        throw Error(where,
                    fmt::format("a training that diverged {} times, the last with {} of its learning rate",
                                kMaxRestarts + 1, std::pow(0.5, kMaxRestarts)),
                    "a smaller learning_rate");
      }
      ++result.restarts;
      result.step_losses.clear();
      state = copy_of(start);
      attempt = std::make_unique<Attempt>(state, result, options_);
    }
    progress.save(written(result, state, attempt->optimizer));
  }
  state.visit([](const std::string&, at::Tensor& value, FlatState::Kind) { value = value.detach(); });
  return result;
}

}  // namespace qreason
