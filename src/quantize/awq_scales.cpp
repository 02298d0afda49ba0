#include "quantize/awq_scales.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/stopwatch.h"
#include "quantize/awq_candidates.h"
#include "quantize/least_loss.h"
#include "quantize/module_loss.h"
#include "quantize/tensors/tensor_awq.h"

namespace qreason {
namespace {

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

// What the losses of a group's candidates have in common: every candidate is the linears at one ratio.
class GroupLosses : public SummedLosses {
 public:
  GroupLosses(BlockVisit& block, AwqGroup group, const ScaleSearch& search)
      : block_(block),
        search_(search),
        candidates_(block, rounded_readers(block, group), search.rule),
        found_{.group = group} {}

  // The inputs of one sequence, for the means and whatever the loss needs of them.
  void take(std::int64_t sequence) {
    candidates_.add(block_.read(tap_of(inputs_of(found_.group)), sequence));
    keep(sequence);
  }
  GroupScales find() {
    candidates_.finish_means();
    finish_keeping();
    for (std::int64_t step = 0; step < search_.steps; ++step) {
      scales_.push_back(candidates_.scales(static_cast<double>(step) / static_cast<double>(search_.steps)));
    }
    const LeastLoss least = find_least(search_.steps, *this, judging());
    block_.withdraw();
    if (least.best < 0) {
      throw Error(candidates_.where(), fmt::format("no finite loss at any of {} ratios", search_.steps),
                  "outputs that float32 holds");
    }
    found_.best = least.best;
    found_.scales = scales_[static_cast<std::size_t>(least.best)];
    for (const double sum : least.sums) found_.losses.push_back(sum / values());
    found_.failed_ratios = least.failed;
    found_.dead_channels = candidates_.dead_channels();
    return found_;
  }

 protected:
  virtual void keep(std::int64_t sequence) = 0;
  virtual void finish_keeping() {}
  virtual Judging judging() const { return search_.judging; }
  virtual double values() const = 0;  // that the sums are divided by

  void try_in_block(std::int64_t step) {
    for (const LinearSlot slot : candidates_.slots()) {
      block_.try_matrix(slot, rounded(slot, candidates_.weight(slot), step));
    }
  }
  at::Tensor rounded(LinearSlot slot, const at::Tensor& weight, std::int64_t step) const {
    return candidates_.rounded(slot, weight, scales_[static_cast<std::size_t>(step)]);
  }

  BlockVisit& block_;
  ScaleSearch search_;
  AwqCandidates candidates_;

 private:
  GroupScales found_;
  std::vector<std::vector<float>> scales_;  // by step
};

// Of q, k, v, whose units are sequences, or of gate, up, whose units are tokens.
template <class Change>
class ModuleLosses : public GroupLosses {
 public:
  using GroupLosses::GroupLosses;
  std::int64_t units() const override { return change_.units(); }
  void begin(std::int64_t step) override { try_in_block(step); }
  void find_terms(std::span<const std::int64_t> units, std::span<double> terms) override { change_.of(units, terms); }

 private:
  void keep(std::int64_t sequence) override { change_.take(sequence); }
  double values() const override { return change_.values(); }
  Change change_{block_};
};

// Of a single linear; units are its outputs.
template <class Change>
class LinearLosses : public GroupLosses {
 public:
  LinearLosses(BlockVisit& block, AwqGroup group, const ScaleSearch& search)
      : GroupLosses(block, group, search),
        before_(candidates_.weight(slot())),
        change_(before_.size(1), block.tokens()) {}
  std::int64_t units() const override { return before_.size(0); }
  void begin(std::int64_t step) override { now_ = rounded(slot(), before_, step); }
  void find_terms(std::span<const std::int64_t> units, std::span<double> terms) override {
    change_.of(before_, now_, units, terms, block_.executor());
  }

 private:
  LinearSlot slot() const { return candidates_.slots().front(); }
  void keep(std::int64_t sequence) override {
    change_.add(block_.read(tap_of(input_site(slot())), sequence), block_.executor());
  }
  void finish_keeping() override { change_.finish(block_.executor()); }
  Judging judging() const override { return change_.has_cheap_parts() ? search_.judging : Judging::kToTheEnd; }
  double values() const override { return static_cast<double>(change_.tokens()) * static_cast<double>(units()); }

  at::Tensor before_, now_;
  Change change_;
};

// Changes of the attention, of the MLP, and of single linears.
template <class Attention, class Mlp, class Linear>
std::unique_ptr<GroupLosses> losses_by(BlockVisit& block, AwqGroup group, const ScaleSearch& search) {
  if (group == AwqGroup::kQkv) return std::make_unique<ModuleLosses<Attention>>(block, group, search);
  if (group == AwqGroup::kGateUp) return std::make_unique<ModuleLosses<Mlp>>(block, group, search);
  return std::make_unique<LinearLosses<Linear>>(block, group, search);
}

std::unique_ptr<GroupLosses> losses_of(BlockVisit& block, AwqGroup group, const ScaleSearch& search) {
  if (!block.device()) return losses_by<AttentionChange, MlpChange, LinearChange>(block, group, search);
  return losses_by<TensorAttentionChange, TensorMlpChange, TensorLinearChange>(block, group, search);
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
  const std::unique_ptr<GroupLosses> losses = losses_of(block, group, search);
  for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) losses->take(sequence);
  GroupScales found = losses->find();
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
