#include "quantize/block_in_work.h"

#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/linear.h"
#include "quantize/report.h"

namespace qreason {

SharedWalk::SharedWalk(CalibrationWalk* walk, const BlockWeights& found) : walk_(walk) {
  if (walk_) walk_->enter(found, found.layer());
}

void SharedWalk::hold(const BlockWeights& weights) {
  if (sites_ != weights.sites_revision()) {
    walk_->reopen(weights, weights.layer());
    sites_ = weights.sites_revision();
    for (const LinearSlot slot : kLinearSlots) linears_[static_cast<std::size_t>(slot)] = weights.revision(slot);
    for (const BlockNorm norm : block_norms(weights.config())) {
      norms_[static_cast<std::size_t>(norm)] = weights.revision(norm);
    }
    return;
  }
  for (const LinearSlot slot : kLinearSlots) {
    int& held = linears_[static_cast<std::size_t>(slot)];
    if (held != weights.revision(slot)) walk_->replace(slot, weights.linear(slot));
    held = weights.revision(slot);
  }
  for (const BlockNorm norm : block_norms(weights.config())) {
    int& held = norms_[static_cast<std::size_t>(norm)];
    if (held != weights.revision(norm)) walk_->replace_gain(norm, weights.gain(norm));
    held = weights.revision(norm);
  }
}

ActivationRows SharedWalk::read(const BlockWeights& weights, Tap tap, std::int64_t sequence) {
  if (!walk_) throw Error("quantize", "calibration inputs read", "a pass that asks for them");
  hold(weights);
  return walk_->read(tap, sequence);
}

void SharedWalk::compute_mlp(const BlockWeights& weights, Tap tap, const at::Tensor& inputs, const at::Tensor& out) {
  if (!walk_) throw Error("quantize", "an MLP computed", "a pass that asks for calibration inputs");
  hold(weights);
  walk_->compute_mlp(tap, inputs, out);
}

void SharedWalk::leave(const BlockWeights& weights) {
  if (!walk_) return;
  hold(weights);
  walk_->leave();
}

void BlockOnTrial::try_matrix(LinearSlot slot, at::Tensor matrix) {
  if (!trial_) trial_.emplace(found());
  trial_->set_linear(slot, {.matrix = std::move(matrix), .bias = found().linear(slot).bias}, ++revision_);
}

BlockInWork::BlockInWork(const WeightSource& source, const BlockPlans& plans, std::int64_t layer, BlockWalks walks,
                         Executor& executor)
    : source_weights_(source, layer),
      weights_(source_weights_),
      keeps_original_(walks.original != nullptr),
      original_(source_weights_, walks.original, executor),
      rounded_(walks.rounded, source_weights_),
      plans_(plans),
      executor_(&executor) {}

SharedWalk& BlockInWork::walk() {
  if (!reads_)
    throw Error("quantize", fmt::format("calibration inputs read by {}", pass_), "a pass that asks for them");
  return *reads_;
}

ActivationRows BlockInWork::read(Tap tap, std::int64_t sequence) {
  return walk().read(trial_ ? *trial_ : weights_, tap, sequence);
}

void BlockInWork::compute_mlp(Tap tap, const at::Tensor& inputs, const at::Tensor& out) {
  walk().compute_mlp(trial_ ? *trial_ : weights_, tap, inputs, out);
}

void BlockInWork::begin(const BlockPass& pass, std::vector<LinearSlot> to_round, BlockProgress progress) {
  pass_ = pass.kind();
  to_round_ = std::move(to_round);
  progress_ = std::move(progress);
  trial_.reset();
  reads_ = nullptr;
  if (pass.propagation() == Propagation::kFloat) reads_ = &original_.walk();
  if (pass.propagation() == Propagation::kRounded || pass.propagation() == Propagation::kBoth) reads_ = &rounded_;
}

void BlockInWork::try_matrix(LinearSlot slot, at::Tensor matrix) {
  if (!trial_) trial_.emplace(weights_);
  trial_->set_linear(slot, {.matrix = std::move(matrix), .bias = weights_.linear(slot).bias}, ++revision_);
}

void BlockInWork::replace(LinearSlot slot, LinearWeight weight, const LinearReport& report) {
  if (weights_.linear(slot).quantized() && !weight.quantized()) {
    throw Error(linear_name(layer(), slot), fmt::format("{} that puts floats where codes are", pass_),
                "what changes floats before what rounds them");
  }
  reports_.push_back(to_json(linear_name(layer(), slot), pass_, weight, report));
  if (heard_) heard_(reports_.back());
  trial_.reset();
  if (!keeps_original_) source_weights_.drop(slot);
  weights_.set_linear(slot, std::move(weight), ++revision_);
  release_free_memory();
}

void BlockInWork::replace_gain(BlockNorm norm, at::Tensor gain) {
  float_vector(gain, norm_width(config(), norm), block_tensor_name(layer(), name_of(norm)));
  trial_.reset();
  weights_.set_gain(norm, std::move(gain), ++revision_);
}

void BlockInWork::replace_site_tensor(Site site, std::string_view part, at::Tensor tensor) {
  const std::string name = site_tensor_name(layer(), site, part);
  for (const PlanTensor& planned : site_tensors(config(), block_plan().at(site), layer(), site)) {
    if (planned.name != name) continue;
    trial_.reset();
    weights_.set_site_tensor(name, std::move(tensor), plans_.transformed, ++revision_);
    plan_values(weights_, planned);
    return;
  }
  throw Error(name, fmt::format("{} that replaces it", pass_), "a tensor that the plan has");
}

void BlockInWork::put_into(BlockSink& sink, const std::string& part) const {
  for (const LinearSlot slot : kLinearSlots) sink.put_linear(linear_name(layer(), slot), weights_.linear(slot));
  for (const BlockNorm norm : block_norms(config())) {
    const std::string name = block_tensor_name(layer(), name_of(norm));
    sink.put_tensor(name, weights_.tensor(name));
  }
  for (const Site site : kSites) {
    for (const PlanTensor& tensor : site_tensors(config(), block_plan().at(site), layer(), site)) {
      sink.put_tensor(tensor.name, at::tensor(plan_values(weights_, tensor)).reshape(tensor.shape));
    }
  }
  sink.finish_part(part);
}

void BlockInWork::leave() {
  original_.leave();
  rounded_.leave(weights_);
}

}  // namespace qreason
