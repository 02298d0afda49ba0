#include "quantize/block_in_work.h"

#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include "base/error.h"
#include "model/linear.h"
#include "quantize/report.h"

namespace qreason {
namespace {

ActivationRows read_from(CalibrationWalk* walk, Tap tap, std::int64_t sequence, const char* propagation) {
  if (!walk) {
    throw Error("quantize", fmt::format("inputs of {} propagation read", propagation), "a pass that asks for them");
  }
  return walk->read(tap, sequence);
}

}  // namespace

FloatBlock::FloatBlock(const BlockWeights& weights, CalibrationWalk* walk, Executor& executor)
    : weights_(&weights), walk_(walk), executor_(&executor) {
  if (walk_) walk_->enter(weights, weights.layer());
}

ActivationRows FloatBlock::read(Tap tap, std::int64_t sequence) {
  return read_from(walk_, tap, sequence, "float");
}

void FloatBlock::leave() {
  if (walk_) walk_->leave();
}

BlockInWork::BlockInWork(const WeightSource& source, const ModelPlan& plan, std::int64_t layer, BlockWalks walks,
                         Executor& executor)
    : source_weights_(source, layer),
      weights_(source_weights_),
      original_(source_weights_, walks.original, executor),
      walk_(walks.rounded),
      plan_(&plan),
      executor_(&executor) {
  if (walk_) walk_->enter(weights_, layer);
}

ActivationRows BlockInWork::read(Tap tap, std::int64_t sequence) {
  return read_from(walk_, tap, sequence, "rounded");
}

void BlockInWork::begin(std::string_view pass, std::vector<LinearSlot> to_round) {
  pass_ = pass;
  to_round_ = std::move(to_round);
}

const QuantFormat& BlockInWork::format(LinearSlot slot) const {
  return plan_->block(layer()).weights.at(slot);
}

void BlockInWork::replace(LinearSlot slot, LinearWeight weight, const LinearReport& report) {
  if (weights_.linear(slot).quantized() && !weight.quantized()) {
    throw Error(linear_name(layer(), slot), fmt::format("{} that puts floats where codes are", pass_),
                "what changes floats before what rounds them");
  }
  reports_.push_back(to_json(linear_name(layer(), slot), pass_, weight, report));
  if (walk_) walk_->replace(slot, weight);
  weights_.set_linear(slot, std::move(weight));
}

void BlockInWork::replace_gain(BlockNorm norm, at::Tensor gain) {
  // Here too, where no walk's block checks it.
  float_vector(gain, config().hidden_size, block_tensor_name(layer(), name_of(norm)));
  if (walk_) walk_->replace_gain(norm, gain);
  weights_.set_gain(norm, std::move(gain));
}

void BlockInWork::put_into(BlockSink& sink, const std::string& part) const {
  for (const LinearSlot slot : kLinearSlots) sink.put_linear(linear_name(layer(), slot), weights_.linear(slot));
  for (const char* norm : kBlockNorms) {
    const std::string name = block_tensor_name(layer(), norm);
    sink.put_tensor(name, weights_.tensor(name));
  }
  for (const Site site : kSites) {
    for (const PlanTensor& tensor : site_tensors(config(), plan_->block(layer()).at(site), layer(), site)) {
      sink.put_tensor(tensor.name, at::tensor(plan_values(weights_, tensor)).reshape(tensor.shape));
    }
  }
  sink.finish_part(part);
}

void BlockInWork::leave() {
  original_.leave();
  if (walk_) walk_->leave();
}

}  // namespace qreason
