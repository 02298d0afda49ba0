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
                      const ReferenceAngles& angles) {
  return at::mse_loss(targets, block.forward(state, inputs, angles));
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
                               const std::function<void(std::int64_t, const at::Tensor&)>& read) const {
  std::int64_t longest = 0;
  for (const std::int64_t sequence : sequences) longest = std::max(longest, data_.lengths[sequence]);
  const at::Tensor rows = at::empty({static_cast<std::int64_t>(sequences.size()), longest, data_.width},
                                    at::TensorOptions().dtype(at::kFloat).device(data_.device));
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const at::Tensor own = rows.select(0, static_cast<std::int64_t>(i));
    const std::int64_t length = data_.lengths[sequences[i]];
    read(sequences[i], own.narrow(0, 0, length));
    // What fills up a shorter sequence is a row like the others, so that its gradient, times 0, is a number.
    own.slice(0, length).copy_(own.narrow(0, length - 1, 1).expand({longest - length, data_.width}));
  }
  return rows;
}

// Which rows of a batch are no filling.
at::Tensor BlockTrainer::real_rows(const std::vector<std::int64_t>& sequences, std::int64_t longest) const {
  at::Tensor real = at::zeros({static_cast<std::int64_t>(sequences.size()), longest, 1}, at::kFloat);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    real[static_cast<std::int64_t>(i)].slice(0, 0, data_.lengths[sequences[i]]).fill_(1);
  }
  return real.to(data_.device);
}

// Sequences of a step that go through the block together: as many as fit, and one at least.
std::vector<std::vector<std::int64_t>> BlockTrainer::parts_of(const std::vector<std::int64_t>& sequences) const {
  std::vector<std::vector<std::int64_t>> parts;
  std::int64_t longest = 0;
  for (const std::int64_t sequence : sequences) {
    longest = std::max(longest, data_.lengths[sequence]);
    const bool fits = !parts.empty() && static_cast<std::int64_t>(parts.back().size() + 1) * longest <= kTokensAtOnce;
    if (!fits) {
      parts.emplace_back();
      longest = data_.lengths[sequence];
    }
    parts.back().push_back(sequence);
  }
  return parts;
}

// The sum of squares of its real rows.
at::Tensor BlockTrainer::squares_of(const FlatState& state, const std::vector<std::int64_t>& part) {
  check_interrupt();
  const at::Tensor inputs = batch(part, data_.read_input);
  const ReferenceAngles angles{.cosine = angles_.cosine.narrow(0, 0, inputs.size(1)),
                               .sine = angles_.sine.narrow(0, 0, inputs.size(1))};
  const at::Tensor off = batch(part, data_.read_target) - block_.forward(state, inputs, angles);
  return (off.square() * real_rows(part, inputs.size(1))).sum();
}

double BlockTrainer::loss_of(const FlatState& state, const std::vector<std::int64_t>& sequences) {
  std::int64_t tokens = 0;
  for (const std::int64_t sequence : sequences) tokens += data_.lengths[sequence];
  const double values = static_cast<double>(tokens) * static_cast<double>(data_.width);
  double loss = 0;
  for (const std::vector<std::int64_t>& part : parts_of(sequences)) {
    const at::Tensor share = squares_of(state, part) / values;
    loss += share.item<double>();
    if (share.requires_grad() && std::isfinite(loss)) share.backward();
  }
  return loss;
}

double BlockTrainer::mean_loss(const FlatState& state) {
  const at::NoGradGuard no_gradients;
  double sum = 0;
  for (std::int64_t step = 0; step < epoch_steps_; ++step) sum += loss_of(state, sequences_of(0, step));
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
    attempt.optimizer.clear_gradients();
    losses.push_back(loss_of(attempt.state, sequences_of(epoch, step)));
    if (!std::isfinite(losses.back())) return false;
    if (losses.back() == 0) continue;  // nothing is left to learn, and no direction to learn it in
    attempt.optimizer.step(1 / losses.back());
  }
  attempt.result.step_losses.push_back(std::move(losses));
  return is_finite(attempt.state);
}

TrainingResult BlockTrainer::run(FlatState& state, const BlockProgress& progress, const std::string& where) {
  const FlatState start = copy_of(state);
  TrainingResult result;
  const std::optional<std::string> kept = progress.load();
  if (!kept) result.start_loss = mean_loss(state);
  if (kept) result = read_result(*kept, where);
  auto attempt = std::make_unique<Attempt>(state, result, options_);
  if (kept) read_state(*kept, state, attempt->optimizer, where);
  while (true) {
    const bool trained = static_cast<std::int64_t>(result.step_losses.size()) == options_.epochs;
    if (trained) result.end_loss = mean_loss(state);
    const bool fine = trained ? result.end_loss <= kDivergedLoss * result.start_loss : train_epoch(*attempt);
    if (trained && fine) break;
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
