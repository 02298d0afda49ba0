#include "quantize/awq_scales.h"

#include <ATen/ops/empty_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/stopwatch.h"
#include "formats/quantized_matrix.h"
#include "quantize/module_loss.h"

namespace qreason {
namespace {

constexpr double kSmallestScale = 1e-4;

struct GroupRow {
  std::string_view name;
  Site inputs;
  std::vector<LinearSlot> readers;
  std::optional<BlockNorm> norm;       // what hands the rows on: this,
  std::optional<LinearSlot> producer;  // or this
};

const GroupRow& row_of(AwqGroup group) {
  static const std::array<GroupRow, 4> kRows{
      GroupRow{"qkv", Site::kAttentionInput, {LinearSlot::kQ, LinearSlot::kK, LinearSlot::kV}, BlockNorm::kInput, {}},
      GroupRow{"o", Site::kAttentionOutput, {LinearSlot::kO}, {}, LinearSlot::kV},
      GroupRow{"gate_up", Site::kMlpInput, {LinearSlot::kGate, LinearSlot::kUp}, BlockNorm::kPost, {}},
      GroupRow{"down", Site::kMlpMiddle, {LinearSlot::kDown}, {}, LinearSlot::kUp}};
  return kRows[static_cast<std::size_t>(group)];
}

std::vector<LinearSlot> rounded_readers(const BlockVisit& block, AwqGroup group) {
  std::vector<LinearSlot> slots;
  for (const LinearSlot slot : row_of(group).readers) {
    if (block.is_rounded(slot)) slots.push_back(slot);
  }
  return slots;
}

std::span<const float> values_of(const at::Tensor& matrix) {
  return {matrix.const_data_ptr<float>(), static_cast<std::size_t>(matrix.numel())};
}

// Sums of |x_j| over the rows, in their order.
void add_magnitudes(const ActivationRows& rows, std::vector<double>& sums, Executor& executor) {
  constexpr std::int64_t kColumns = 64;
  executor.run((rows.width + kColumns - 1) / kColumns, [&](std::int64_t chunk) {
    const std::int64_t first = chunk * kColumns, end = std::min(rows.width, first + kColumns);
    for (std::int64_t row = 0; row < rows.count; ++row) {
      const float* x = rows.data + row * rows.width;
      for (std::int64_t j = first; j < end; ++j) sums[j] += std::abs(double{x[j]});
    }
  });
}

// What the candidates are made of.
class Candidates {
 public:
  Candidates(BlockVisit& block, AwqGroup group, ScaleRule rule)
      : block_(block), slots_(rounded_readers(block, group)), rule_(rule) {
    for (const LinearSlot slot : slots_) weights_.emplace(slot, block.weight(slot));
    activations_.resize(static_cast<std::size_t>(weights_.begin()->second.size(1)));
    if (rule_ == ScaleRule::kActivationsAndWeights) find_mean_weights();
  }

  const std::vector<LinearSlot>& slots() const { return slots_; }
  const at::Tensor& weight(LinearSlot slot) const { return weights_.at(slot); }
  std::string where() const { return linear_name(block_.layer(), slots_.front()); }

  void add(const ActivationRows& rows) {
    add_magnitudes(rows, activations_, block_.executor());
    tokens_ += rows.count;
  }
  void finish_means() {
    for (std::size_t j = 0; j < activations_.size(); ++j) {
      activations_[j] /= static_cast<double>(tokens_);
      if (std::isfinite(activations_[j])) continue;
      throw Error(where(), fmt::format("calibration inputs that are not finite, in channel {}", j), "finite ones");
    }
  }
  std::int64_t dead_channels() const { return std::count(activations_.begin(), activations_.end(), 0.0); }

  std::vector<float> scales(double ratio) const {
    std::vector<double> found;
    for (std::size_t j = 0; j < activations_.size(); ++j) {
      double scale = std::pow(activations_[j], ratio);
      if (!mean_weights_.empty()) scale /= std::pow(mean_weights_[j], 1 - ratio) + kSmallestScale;
      found.push_back(std::max(scale, kSmallestScale));
    }
    const auto [low, high] = std::minmax_element(found.begin(), found.end());
    const double middle = std::sqrt(*low * *high);
    std::vector<float> scales;
    for (const double scale : found) scales.push_back(static_cast<float>(scale / middle));
    return scales;
  }

  // Q(W diag(s)) diag(1/s), every step in float32.
  at::Tensor rounded(LinearSlot slot, const std::vector<float>& scales) const {
    const at::Tensor& weight = weights_.at(slot);
    const std::int64_t rows = weight.size(0), columns = weight.size(1);
    at::Tensor candidate = at::empty_like(weight);
    float* values = candidate.data_ptr<float>();
    Executor& executor = block_.executor();
    executor.run(rows, [&](std::int64_t row) {
      const float* from = weight.const_data_ptr<float>() + row * columns;
      for (std::int64_t j = 0; j < columns; ++j) values[row * columns + j] = from[j] * scales[j];
    });
    const QuantizedMatrix matrix = rounded_matrix(slot, candidate);
    executor.run(rows, [&](std::int64_t row) {
      const std::span<float> out(values + row * columns, static_cast<std::size_t>(columns));
      dequantize_row(matrix, row, out);
      for (std::int64_t j = 0; j < columns; ++j) out[j] /= scales[j];
    });
    return candidate;
  }

 private:
  QuantizedMatrix rounded_matrix(LinearSlot slot, const at::Tensor& weight) const {
    try {
      return round_to_nearest(values_of(weight), weight.size(0), weight.size(1), block_.format(slot),
                              &block_.executor().pool());
    } catch (const Error& error) {
      throw Error::inside(linear_name(block_.layer(), slot), error);
    }
  }

  // Of every column, over the rows of all linears: |W_ij| / (largest |W_ik| of the quantization group + 1e-6).
  void find_mean_weights() {
    mean_weights_.assign(activations_.size(), 0);
    std::int64_t all_rows = 0;
    for (const auto& [slot, weight] : weights_) {
      const std::int64_t rows = weight.size(0), columns = weight.size(1);
      const std::int64_t size = group_size_of(block_.format(slot), columns);
      const float* values = weight.const_data_ptr<float>();
      block_.executor().run((columns + size - 1) / size, [&](std::int64_t group) {
        const std::int64_t first = group * size, end = std::min(columns, first + size);
        for (std::int64_t row = 0; row < rows; ++row) {
          const float* w = values + row * columns;
          double largest = 0;
          for (std::int64_t j = first; j < end; ++j) largest = std::max(largest, std::abs(double{w[j]}));
          for (std::int64_t j = first; j < end; ++j) mean_weights_[j] += std::abs(double{w[j]}) / (largest + 1e-6);
        }
      });
      all_rows += rows;
    }
    for (double& mean : mean_weights_) mean /= static_cast<double>(all_rows);
  }

  BlockVisit& block_;
  std::vector<LinearSlot> slots_;
  ScaleRule rule_;
  std::map<LinearSlot, at::Tensor> weights_;
  std::vector<double> activations_, mean_weights_;  // means by channel; the second with duo scaling alone
  std::int64_t tokens_ = 0;
};

// Reads the inputs once, for their means and whatever `see` makes of them.
template <class See>
void read_inputs(BlockVisit& block, AwqGroup group, Candidates& candidates, See&& see) {
  for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
    const ActivationRows rows = block.read(tap_of(inputs_of(group)), sequence);
    candidates.add(rows);
    see(rows);
  }
  candidates.finish_means();
}

// loss_of(scales) of every ratio; the first strictly smallest wins.
template <class LossOf>
void choose(const ScaleSearch& search, const Candidates& candidates, LossOf&& loss_of, GroupScales& found) {
  double least = std::numeric_limits<double>::infinity();
  for (std::int64_t step = 0; step < search.steps; ++step) {
    const std::vector<float> scales = candidates.scales(static_cast<double>(step) / static_cast<double>(search.steps));
    const double loss = loss_of(scales);
    found.losses.push_back(loss);
    if (!std::isfinite(loss)) ++found.failed_ratios;
    if (!(loss < least)) continue;
    least = loss;
    found.best = step;
    found.scales = scales;
  }
  if (found.scales.empty()) {
    throw Error(candidates.where(), fmt::format("no finite loss at any of {} ratios", search.steps),
                "outputs that float32 holds");
  }
}

void search_by_outputs(BlockVisit& block, Tap judged, const ScaleSearch& search, Candidates& candidates,
                       GroupScales& found) {
  read_inputs(block, found.group, candidates, [](const ActivationRows&) {});
  const OutputLoss outputs(block, judged);
  choose(
      search, candidates,
      [&](const std::vector<float>& scales) {
        for (const LinearSlot slot : candidates.slots()) block.try_matrix(slot, candidates.rounded(slot, scales));
        return outputs.now(block);
      },
      found);
  block.withdraw();
}

void search_by_gram(BlockVisit& block, const ScaleSearch& search, Candidates& candidates, GroupScales& found) {
  const LinearSlot slot = candidates.slots().front();
  const at::Tensor& weight = candidates.weight(slot);
  InputGram gram(weight.size(1));
  read_inputs(block, found.group, candidates, [&](const ActivationRows& rows) { gram.add(rows, block.executor()); });
  gram.finish(block.executor());
  choose(
      search, candidates,
      [&](const std::vector<float>& scales) {
        return gram.loss(values_of(weight), values_of(candidates.rounded(slot, scales)), block.executor());
      },
      found);
}

// The linears that a folding changes, each replaced once.
class Folding {
 public:
  explicit Folding(BlockVisit& block) : block_(block) {}

  void multiply_columns(LinearSlot slot, const std::vector<float>& scales) {
    const at::Tensor matrix = changed(slot);
    scale_rows(matrix, [&](float* row, std::int64_t) {
      for (std::size_t j = 0; j < scales.size(); ++j) row[j] *= scales[j];
    });
  }
  void divide_rows(LinearSlot slot, const std::vector<float>& scales) {
    const at::Tensor matrix = changed(slot);
    const auto width = static_cast<std::size_t>(matrix.size(1));
    const std::int64_t first = matrix.size(0) - static_cast<std::int64_t>(scales.size());
    scale_rows(matrix, [&](float* row, std::int64_t index) {
      if (index < first) return;
      for (std::size_t j = 0; j < width; ++j) row[j] /= scales[static_cast<std::size_t>(index - first)];
    });
    std::optional<at::Tensor>& bias = weights_.at(slot).bias;
    if (!bias) return;
    bias = bias->clone();
    for (std::size_t i = 0; i < scales.size(); ++i)
      bias->data_ptr<float>()[first + static_cast<std::int64_t>(i)] /= scales[i];
  }
  void divide_gain(BlockNorm norm, const std::vector<float>& scales) {
    at::Tensor gain = block_.gain(norm).to(at::kFloat).clone();
    for (std::size_t j = 0; j < scales.size(); ++j) gain.data_ptr<float>()[j] /= scales[j];
    block_.replace_gain(norm, std::move(gain));
  }
  LinearReport& report(LinearSlot slot) { return reports_[slot]; }

  void finish() {
    for (auto& [slot, weight] : weights_) block_.replace(slot, std::move(weight), reports_[slot]);
  }

 private:
  at::Tensor changed(LinearSlot slot) {
    if (const auto found = weights_.find(slot); found != weights_.end())
      return std::get<at::Tensor>(found->second.matrix);
    at::Tensor matrix = block_.weight(slot).clone();
    weights_.emplace(slot, LinearWeight{.matrix = matrix, .bias = block_.linear(slot).bias});
    return matrix;
  }
  template <class Change>
  void scale_rows(const at::Tensor& matrix, Change&& change) {
    const std::int64_t columns = matrix.size(1);
    float* values = matrix.data_ptr<float>();
    block_.executor().run(matrix.size(0), [&](std::int64_t row) { change(values + row * columns, row); });
  }

  BlockVisit& block_;
  std::map<LinearSlot, LinearWeight> weights_;
  std::map<LinearSlot, LinearReport> reports_;
};

void tell(const GroupScales& group, LinearReport& report) {
  report.seconds = group.seconds / static_cast<double>(row_of(group.group).readers.size());
  report.counts = {{"dead_channels", group.dead_channels}, {"failed_ratios", group.failed_ratios}};
  report.numbers = {{"ratio", static_cast<double>(group.best) / static_cast<double>(group.losses.size())},
                    {"scale_loss_unscaled", group.losses.front()},
                    {"scale_loss", group.losses[static_cast<std::size_t>(group.best)]}};
  const auto [low, high] = std::minmax_element(group.scales.begin(), group.scales.end());
  report.numbers["smallest_scale"] = *low;
  report.numbers["largest_scale"] = *high;
}

}  // namespace

std::string_view name_of(AwqGroup group) {
  return row_of(group).name;
}

Site inputs_of(AwqGroup group) {
  return row_of(group).inputs;
}

const std::vector<LinearSlot>& readers_of(AwqGroup group) {
  return row_of(group).readers;
}

bool has_scales(AwqGroup group, const ModelConfig& config) {
  if (group != AwqGroup::kO) return true;
  const LinearShape v = linear_shape(config, LinearSlot::kV), o = linear_shape(config, LinearSlot::kO);
  return v.rows == o.rows && v.columns == o.columns;
}

bool is_rounded(const BlockVisit& block, AwqGroup group) {
  return !rounded_readers(block, group).empty();
}

GroupScales search_scales(BlockVisit& block, AwqGroup group, const ScaleSearch& search) {
  const Stopwatch watch;
  Candidates candidates(block, group, search.rule);
  GroupScales found{.group = group};
  switch (group) {
    case AwqGroup::kQkv:
      search_by_outputs(block, Tap::kAttentionUpdate, search, candidates, found);
      break;
    case AwqGroup::kGateUp:
      search_by_outputs(block, Tap::kMlpUpdate, search, candidates, found);
      break;
    case AwqGroup::kO:
    case AwqGroup::kDown:
      search_by_gram(block, search, candidates, found);
      break;
  }
  found.dead_channels = candidates.dead_channels();
  found.seconds = watch.seconds();
  return found;
}

void fold_scales(BlockVisit& block, const std::vector<GroupScales>& groups) {
  Folding folding(block);
  for (const GroupScales& group : groups) {
    const GroupRow& row = row_of(group.group);
    if (row.norm) folding.divide_gain(*row.norm, group.scales);
    if (row.producer) folding.divide_rows(*row.producer, group.scales);
    for (const LinearSlot slot : row.readers) {
      folding.multiply_columns(slot, group.scales);
      tell(group, folding.report(slot));
    }
  }
  folding.finish();
}

}  // namespace qreason
