#include "quantize/tensors/tensor_awq.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/interrupt.h"
#include "formats/quantized_matrix.h"
#include "model/tensor_quantizer.h"
#include "quantize/tensors/host_values.h"

namespace qreason {
namespace {

constexpr std::int64_t kSearchedAtOnce = 1 << 24;  // weights

at::Tensor places(std::span<const std::int64_t> units, const at::Tensor& there) {
  return at::tensor(at::ArrayRef(units.data(), units.size()), at::kLong).to(there.device());
}

// One number for each unit, in their order.
void put(const at::Tensor& numbers, std::span<const std::int64_t> units, std::span<double> terms) {
  const std::vector<double> found = host_doubles(numbers);
  for (std::size_t i = 0; i < units.size(); ++i) terms[static_cast<std::size_t>(units[i])] = found[i];
}

}  // namespace

void TensorAttentionChange::take(std::int64_t sequence) {
  before_.push_back(block_.read(Tap::kAttentionUpdate, sequence).tensor.clone());
}

double TensorAttentionChange::values() const {
  double values = 0;
  for (const at::Tensor& rows : before_) values += static_cast<double>(rows.numel());
  return values;
}

void TensorAttentionChange::of(std::span<const std::int64_t> sequences, std::span<double> changes) const {
  std::vector<at::Tensor> sums;
  for (const std::int64_t sequence : sequences) {
    const at::Tensor off =
        block_.read(Tap::kAttentionUpdate, sequence).tensor - before_[static_cast<std::size_t>(sequence)];
    sums.push_back(off.square().sum(at::kDouble));
  }
  if (!sums.empty()) put(at::stack(sums), sequences, changes);
}

void TensorMlpChange::take(std::int64_t sequence) {
  inputs_.push_back(block_.read(Tap::kMlpInput, sequence).tensor.clone());
  before_.push_back(block_.read(Tap::kMlpUpdate, sequence).tensor.clone());
  tokens_ += inputs_.back().size(0);
}

void TensorMlpChange::join() {
  for (std::vector<at::Tensor>* rows : {&inputs_, &before_}) {
    if (rows->size() > 1) *rows = {at::cat(*rows)};
  }
}

void TensorMlpChange::of(std::span<const std::int64_t> tokens, std::span<double> changes) {
  join();
  const at::Tensor wanted = places(tokens, inputs_.front()), inputs = inputs_.front().index_select(0, wanted);
  const at::Tensor now = at::empty_like(inputs);
  block_.compute_mlp(Tap::kMlpUpdate, inputs, now);
  put((now - before_.front().index_select(0, wanted)).square().sum(1, false, at::kDouble), tokens, changes);
}

void TensorLinearChange::add(const ActivationRows& rows, Executor&) {
  if (!gram_.defined()) gram_ = at::zeros({columns_, columns_}, rows.tensor.options());
  gram_.addmm_(rows.tensor.t(), rows.tensor);
}

void TensorLinearChange::of(const at::Tensor& before, const at::Tensor& now, std::span<const std::int64_t> outputs,
                            std::span<double> changes, Executor&) const {
  const at::Tensor error = (now - before).index_select(0, places(outputs, now));
  put((at::matmul(error, gram_) * error).sum(1, false, at::kDouble), outputs, changes);
}

namespace {

// Of some rows of the weights; groups come first: [groups, rows, ..].
class GroupSearch {
 public:
  GroupSearch(const at::Tensor& weights, const at::Tensor& grams, const QuantFormat& format)
      : format_(format),
        grams_(grams),
        weights_(weights),
        groups_(weights.unflatten(1, {grams.size(0), grams.size(1)})),
        magnitudes_(at::amax(groups_.abs(), {-1}, true)),
        bounds_(magnitudes_),
        least_(at::full_like(magnitudes_, std::numeric_limits<double>::infinity())) {}

  void try_factor(double factor) {
    const at::Tensor bound = magnitudes_ * factor;
    const at::Tensor cut = at::minimum(at::maximum(groups_, -bound), bound).flatten(1);
    const at::Tensor errors =
        (rounded_to_nearest(cut, format_) - weights_).unflatten(1, {grams_.size(0), grams_.size(1)}).transpose(0, 1);
    const at::Tensor energy = (at::bmm(errors, grams_) * errors).sum(-1).t().unsqueeze(-1);
    const at::Tensor better = energy < least_;
    least_ = at::where(better, energy, least_);
    bounds_ = at::where(better, bound, bounds_);
  }

  // Waits for the device.
  void append_to(GroupClips& clips) const {
    const std::vector<float> bounds = host_floats(bounds_);
    clips.rows += bounds_.size(0);
    clips.bounds.insert(clips.bounds.end(), bounds.begin(), bounds.end());
    const std::vector<double> counts = host_doubles(
        at::stack({(bounds_ < magnitudes_).sum(), (magnitudes_ == 0).sum(), least_.isfinite().logical_not().sum()}));
    clips.shrunk += static_cast<std::int64_t>(counts[0]);
    clips.zero_groups += static_cast<std::int64_t>(counts[1]);
    clips.failed_groups += static_cast<std::int64_t>(counts[2]);
  }

 private:
  const QuantFormat& format_;
  at::Tensor grams_;                        // [groups, size, size]
  at::Tensor weights_, groups_;             // [rows, columns]; [rows, groups, size]
  at::Tensor magnitudes_, bounds_, least_;  // [rows, groups, 1]
};

void require_finite(const at::Tensor& values, const char* what) {
  if (values.isfinite().all().item<bool>()) return;
  throw Error("clip search", fmt::format("{} that are not finite", what), "finite ones");
}

}  // namespace

GroupClips search_clips_there(const at::Tensor& weights, const SampledRows& inputs, const QuantFormat& format,
                              const ClipSearch& search) {
  require_finite(inputs.values, "inputs");
  require_finite(weights, "weights");
  const std::int64_t size = group_size_of(format, inputs.width), groups = inputs.width / size;
  const at::Tensor parts = inputs.values.unflatten(1, {groups, size}).transpose(0, 1);
  const at::Tensor grams = at::bmm(parts.transpose(1, 2), parts);
  const std::int64_t step = std::max<std::int64_t>(1, kSearchedAtOnce / inputs.width);
  GroupClips all{.rows = 0, .groups = groups, .group_size = size};
  for (std::int64_t first = 0; first < weights.size(0); first += step) {
    check_interrupt();
    GroupSearch found(weights.narrow(0, first, std::min(step, weights.size(0) - first)), grams, format);
    for (std::int64_t i = 0; i < search.tries(); ++i) {
      found.try_factor(static_cast<float>(1.0 - static_cast<double>(i) / static_cast<double>(search.steps)));
    }
    found.append_to(all);
  }
  return all;
}

}  // namespace qreason
