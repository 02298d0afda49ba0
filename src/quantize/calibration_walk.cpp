#include "quantize/calibration_walk.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "base/error.h"
#include "base/interrupt.h"

namespace qreason {
namespace {

// The rows of a sequence's tokens, float32 on the host.
at::Tensor embedded(const at::Tensor& table, const std::vector<std::int32_t>& tokens) {
  return table.index_select(0, at::tensor(std::vector<std::int64_t>(tokens.begin(), tokens.end()), at::kLong))
      .to(at::kFloat);
}

// Half of what is free on a device; without a device, or where its allocator does not tell, nothing.
std::uint64_t room_on(const std::optional<at::Device>& device) {
  if (!device || device->is_cpu()) return 0;
  try {
    return c10::getDeviceAllocator(device->type())
               ->getMemoryInfo(std::max<c10::DeviceIndex>(0, device->index()))
               .first /
           2;
  } catch (const std::exception&) {
    return 0;
  }
}

}  // namespace

Tap tap_of(Site site) {
  switch (site) {
    case Site::kAttentionInput:
      return Tap::kAttentionInput;
    case Site::kAttentionOutput:
      return Tap::kAttentionOutput;
    case Site::kMlpInput:
      return Tap::kMlpInput;
    case Site::kMlpMiddle:
      return Tap::kMlpMiddle;
    default:
      throw Error("calibration walk", std::string(name_of(site)), "a site that linears read");
  }
}

CalibrationWalk::CalibrationWalk(const WeightSource& source, const std::vector<std::vector<std::int32_t>>& samples,
                                 Options options, Executor& executor)
    : options_(std::move(options)) {
  const ModelConfig& config = source.config();
  for (const auto& sample : samples) lengths_.push_back(static_cast<std::int64_t>(sample.size()));
  if (lengths_.empty()) throw Error("calibration", "no sequence", "at least one");
  longest_ = *std::max_element(lengths_.begin(), lengths_.end());
  blocks_ = options_.device ? reference_blocks(config, *options_.device) : packed_blocks(config, longest_, executor);

  memory_left_ = options_.memory_limit;
  device_left_ = room_on(options_.device);
  inputs_.emplace(store(config.hidden_size));
  attended_.emplace(store(config.heads * config.head_dim));
  joined_.emplace(store(config.hidden_size));
  const std::uint64_t wide = ActivationStore::bytes_for(lengths_, config.intermediate_size);
  if (wide <= std::max(memory_left_, device_left_)) middle_.emplace(store(config.intermediate_size));

  const at::Tensor table = source.tensor(kEmbeddingName);
  for (std::size_t s = 0; s < samples.size(); ++s) {
    inputs_->start(s).copy_(embedded(table, samples[s]));
    inputs_->save(s);
  }
}

at::Tensor CalibrationWalk::empty(std::int64_t rows, std::int64_t width) const {
  return at::empty({rows, width}, at::TensorOptions().dtype(at::kFloat).device(options_.device.value_or(at::kCPU)));
}

ActivationStore CalibrationWalk::store(std::int64_t width) {
  const std::uint64_t bytes = ActivationStore::bytes_for(lengths_, width);
  ActivationStore::Options options{.place = ActivationStore::Place::kDisk,
                                   .folder = options_.spill_folder,
                                   .device = options_.device.value_or(at::kCPU)};
  if (bytes <= device_left_) {
    options.place = ActivationStore::Place::kDevice;
    device_left_ -= bytes;
  } else if (bytes <= memory_left_) {
    options.place = ActivationStore::Place::kMemory;
    memory_left_ -= bytes;
  }
  return {lengths_, width, options};
}

ActivationStore CalibrationWalk::spare_store(std::int64_t width) const {
  const bool fits = ActivationStore::bytes_for(lengths_, width) <= memory_left_;
  return {lengths_,
          width,
          {.place = fits ? ActivationStore::Place::kMemory : ActivationStore::Place::kDisk,
           .folder = options_.spill_folder}};
}

void CalibrationWalk::enter(const WeightSource& source, std::int64_t layer) {
  if (block_) throw Error("calibration walk", "a block entered inside another", "leave() first");
  block_ = blocks_->open(source, layer);
  const BlockShape& shape = block_->shape();
  if (!rows_.defined()) rows_ = empty(longest_, shape.hidden);
  if (!middle_ && !wide_rows_.defined()) wide_rows_ = empty(longest_, shape.intermediate);
  stages_.assign(lengths_.size(), Stage::kEntered);
  wide_sequence_.reset();
}

void CalibrationWalk::require_block(const char* what) const {
  if (!block_) throw Error("calibration walk", fmt::format("{} outside of a block", what), "enter() first");
}

ActivationRows CalibrationWalk::read(Tap tap, std::int64_t sequence) {
  require_block("inputs asked for");
  if (sequence < 0 || sequence >= sequences()) {
    throw Error("calibration walk", fmt::format("sequence {}", sequence), fmt::format("0 to {}", sequences() - 1));
  }
  check_interrupt();
  const at::Tensor rows = tapped(tap, static_cast<std::size_t>(sequence));
  return {rows.is_cpu() ? rows.const_data_ptr<float>() : nullptr, rows.size(0), rows.size(1), rows};
}

at::Tensor CalibrationWalk::tapped(Tap tap, std::size_t sequence) {
  switch (tap) {
    case Tap::kBlockInput:
      return inputs_->load(sequence);
    case Tap::kAttentionInput:
      return attention_input(sequence);
    case Tap::kAttentionOutput:
      return attended(sequence);
    case Tap::kAttentionUpdate:
      return attention_update(sequence);
    case Tap::kMlpInput:
      block_->mlp_input(joined(sequence), scratch(sequence));
      return scratch(sequence);
    case Tap::kMlpMiddle:
      return middle(sequence);
    case Tap::kMlpUpdate:
      return mlp_update(sequence);
    case Tap::kBlockOutput:
      return output(sequence);
    default:
      return projected(tap, sequence);
  }
}

at::Tensor CalibrationWalk::attention_input(std::size_t sequence) {
  block_->attention_input(inputs_->load(sequence), scratch(sequence));
  return scratch(sequence);
}

at::Tensor CalibrationWalk::projected(Tap tap, std::size_t sequence) {
  const bool rotated = tap == Tap::kRotatedQuery || tap == Tap::kRotatedKey;
  const WalkedBlock::Projections found = block_->project(
      attention_input(sequence), rotated ? WalkedBlock::Rotation::kAfter : WalkedBlock::Rotation::kBefore);
  if (tap == Tap::kQuery || tap == Tap::kRotatedQuery) return found.queries;
  return tap == Tap::kValue ? found.values : found.keys;
}

at::Tensor CalibrationWalk::attended(std::size_t sequence) {
  if (stage(sequence) >= Stage::kAttended) return attended_->load(sequence);
  const at::Tensor input = attention_input(sequence);
  const at::Tensor rows = attended_->start(sequence);
  block_->attend(input, rows);
  attended_->save(sequence);
  stage(sequence) = Stage::kAttended;
  return rows;
}

at::Tensor CalibrationWalk::joined(std::size_t sequence) {
  if (stage(sequence) >= Stage::kJoined) return joined_->load(sequence);
  const at::Tensor attention = attended(sequence);
  const at::Tensor input = inputs_->load(sequence);
  const at::Tensor rows = joined_->start(sequence);
  rows.copy_(input);
  block_->add_attention(rows, attention);
  joined_->save(sequence);
  stage(sequence) = Stage::kJoined;
  return rows;
}

at::Tensor CalibrationWalk::middle(std::size_t sequence) {
  if (middle_ && stage(sequence) >= Stage::kMiddle) return middle_->load(sequence);
  const at::Tensor own = middle_ ? at::Tensor() : wide_rows_.narrow(0, 0, lengths_[sequence]);
  if (wide_sequence_ == sequence) return own;
  block_->mlp_input(joined(sequence), scratch(sequence));
  const at::Tensor rows = middle_ ? middle_->start(sequence) : own;
  block_->mlp_middle(scratch(sequence), rows);
  if (middle_) {
    middle_->save(sequence);
    stage(sequence) = Stage::kMiddle;
  } else {
    wide_sequence_ = sequence;
  }
  return rows;
}

at::Tensor CalibrationWalk::attention_update(std::size_t sequence) {
  const at::Tensor attention = attended(sequence), rows = scratch(sequence);
  rows.zero_();
  block_->add_attention(rows, attention);
  return rows;
}

at::Tensor CalibrationWalk::mlp_update(std::size_t sequence) {
  const at::Tensor inner = middle(sequence), rows = scratch(sequence);
  rows.zero_();
  block_->add_mlp(rows, inner);
  return rows;
}

void CalibrationWalk::compute_mlp(Tap tap, const at::Tensor& inputs, const at::Tensor& out) {
  require_block("an MLP computed");
  const BlockShape& shape = block_->shape();
  if (inputs.size(-1) != shape.hidden || (tap != Tap::kMlpMiddle && tap != Tap::kMlpUpdate)) {
    throw Error("calibration walk", fmt::format("rows of {} for the MLP", inputs.size(-1)),
                fmt::format("{} and a tap of the MLP", shape.hidden));
  }
  if (tap == Tap::kMlpUpdate && !asked_rows_.defined()) asked_rows_ = empty(longest_, shape.intermediate);
  for (std::int64_t first = 0; first < inputs.size(0); first += longest_) {
    check_interrupt();
    const std::int64_t count = std::min(longest_, inputs.size(0) - first);
    const at::Tensor rows = inputs.narrow(0, first, count), found = out.narrow(0, first, count);
    if (tap == Tap::kMlpMiddle) {
      block_->mlp_middle(rows, found);
      continue;
    }
    const at::Tensor inner = asked_rows_.narrow(0, 0, count);
    block_->mlp_middle(rows, inner);
    found.zero_();
    block_->add_mlp(found, inner);
  }
}

at::Tensor CalibrationWalk::output(std::size_t sequence) {
  if (!outputs_) outputs_.emplace(store(block_->shape().hidden));
  if (stage(sequence) >= Stage::kFinished) return outputs_->load(sequence);
  const at::Tensor inner = middle(sequence);
  const at::Tensor joint = joined(sequence);
  const at::Tensor rows = outputs_->start(sequence);
  rows.copy_(joint);
  block_->add_mlp(rows, inner);
  outputs_->save(sequence);
  stage(sequence) = Stage::kFinished;
  return rows;
}

void CalibrationWalk::forget_behind(Stage kept) {
  for (Stage& reached : stages_) reached = std::min(reached, kept);
  if (kept < Stage::kMiddle) wide_sequence_.reset();
}

void CalibrationWalk::replace(LinearSlot slot, const LinearWeight& weight) {
  require_block("a linear replaced");
  block_->replace(slot, weight);
  // The last stage that does not depend on the linear.
  const Stage kept = [slot] {
    switch (input_site(slot)) {
      case Site::kAttentionInput:
        return Stage::kEntered;
      case Site::kAttentionOutput:
        return Stage::kAttended;
      case Site::kMlpInput:
        return Stage::kJoined;
      default:
        return Stage::kMiddle;
    }
  }();
  forget_behind(kept);
}

void CalibrationWalk::replace_gain(BlockNorm norm, const at::Tensor& gain) {
  require_block("a gain replaced");
  block_->replace_gain(norm, gain);
  forget_behind(norm == BlockNorm::kPost ? Stage::kJoined : Stage::kEntered);
}

void CalibrationWalk::reopen(const WeightSource& source, std::int64_t layer) {
  require_block("a block opened again");
  block_.reset();
  enter(source, layer);
}

void CalibrationWalk::leave() {
  require_block("leave()");
  if (outputs_) {
    for (std::size_t s = 0; s < lengths_.size(); ++s) output(s);
    std::swap(inputs_, outputs_);
    block_.reset();
    return;
  }
  for (std::size_t s = 0; s < lengths_.size(); ++s) {
    check_interrupt();
    const at::Tensor inner = middle(s);
    const at::Tensor rows = joined(s);
    block_->add_mlp(rows, inner);
    joined_->save(s);
  }
  std::swap(inputs_, joined_);
  block_.reset();
}

}  // namespace qreason
