#include "quantize/calibration_walk.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/interrupt.h"

namespace qreason {
namespace {

void copy_embedding(const at::Tensor& table, std::int32_t token, float* out) {
  const at::Tensor row = table.select(0, token).to(at::kFloat).contiguous();
  std::copy_n(row.data_ptr<float>(), row.numel(), out);
}

ActivationStore::Place place_for(std::uint64_t bytes, std::uint64_t& left) {
  if (bytes > left) return ActivationStore::Place::kDisk;
  left -= bytes;
  return ActivationStore::Place::kMemory;
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

  std::uint64_t& left = memory_left_ = options_.memory_limit;
  const std::int64_t query = config.heads * config.head_dim;
  const auto bytes = [&](std::int64_t width) { return ActivationStore::bytes_for(lengths_, width); };
  const auto store = [&](std::int64_t width) {
    return ActivationStore(lengths_, width, place_for(bytes(width), left), options_.spill_folder);
  };
  inputs_.emplace(store(config.hidden_size));
  attended_.emplace(store(query));
  joined_.emplace(store(config.hidden_size));
  if (bytes(config.intermediate_size) <= left) {
    middle_.emplace(lengths_, config.intermediate_size, ActivationStore::Place::kMemory, options_.spill_folder);
    left -= bytes(config.intermediate_size);
  }

  const at::Tensor table = source.tensor(kEmbeddingName);
  for (std::size_t s = 0; s < samples.size(); ++s) {
    float* rows = inputs_->start(s);
    for (std::size_t i = 0; i < samples[s].size(); ++i) {
      copy_embedding(table, samples[s][i], rows + static_cast<std::int64_t>(i) * config.hidden_size);
    }
    inputs_->save(s);
  }
}

void CalibrationWalk::enter(const WeightSource& source, std::int64_t layer) {
  if (block_) throw Error("calibration walk", "a block entered inside another", "leave() first");
  block_ = blocks_->open(source, layer);
  const BlockShape& shape = block_->shape();
  rows_.resize(static_cast<std::size_t>(longest_ * shape.hidden));
  if (!middle_) wide_rows_.resize(static_cast<std::size_t>(longest_ * shape.intermediate));
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
  const auto s = static_cast<std::size_t>(sequence);
  const BlockShape& shape = block_->shape();
  switch (tap) {
    case Tap::kBlockInput:
      return {inputs_->load(s), lengths_[s], shape.hidden};
    case Tap::kAttentionInput:
      return {attention_input(s), lengths_[s], shape.hidden};
    case Tap::kAttentionOutput:
      return {attended(s), lengths_[s], shape.query};
    case Tap::kAttentionUpdate:
      return {attention_update(s), lengths_[s], shape.hidden};
    case Tap::kMlpInput:
      block_->mlp_input(joined(s), lengths_[s], rows_.data());
      return {rows_.data(), lengths_[s], shape.hidden};
    case Tap::kMlpMiddle:
      return {middle(s), lengths_[s], shape.intermediate};
    case Tap::kMlpUpdate:
      return {mlp_update(s), lengths_[s], shape.hidden};
    case Tap::kBlockOutput:
      return {output(s), lengths_[s], shape.hidden};
    default:
      return projected(tap, s);
  }
}

const float* CalibrationWalk::attention_input(std::size_t sequence) {
  block_->attention_input(inputs_->load(sequence), lengths_[sequence], rows_.data());
  return rows_.data();
}

ActivationRows CalibrationWalk::projected(Tap tap, std::size_t sequence) {
  const std::int64_t rows = lengths_[sequence];
  const bool rotated = tap == Tap::kRotatedQuery || tap == Tap::kRotatedKey;
  const WalkedBlock::Projections found = block_->project(
      attention_input(sequence), rows, rotated ? WalkedBlock::Rotation::kAfter : WalkedBlock::Rotation::kBefore);
  const BlockShape& shape = block_->shape();
  if (tap == Tap::kQuery || tap == Tap::kRotatedQuery) return {found.queries, rows, shape.query};
  return {tap == Tap::kValue ? found.values : found.keys, rows, shape.key_value};
}

float* CalibrationWalk::attended(std::size_t sequence) {
  if (stage(sequence) >= Stage::kAttended) return attended_->load(sequence);
  const float* input = attention_input(sequence);
  float* rows = attended_->start(sequence);
  block_->attend(input, lengths_[sequence], rows);
  attended_->save(sequence);
  stage(sequence) = Stage::kAttended;
  return rows;
}

float* CalibrationWalk::joined(std::size_t sequence) {
  if (stage(sequence) >= Stage::kJoined) return joined_->load(sequence);
  const float* attention = attended(sequence);
  const float* input = inputs_->load(sequence);
  float* rows = joined_->start(sequence);
  std::copy_n(input, lengths_[sequence] * block_->shape().hidden, rows);
  block_->add_attention(rows, attention, lengths_[sequence]);
  joined_->save(sequence);
  stage(sequence) = Stage::kJoined;
  return rows;
}

float* CalibrationWalk::middle(std::size_t sequence) {
  if (middle_ && stage(sequence) >= Stage::kMiddle) return middle_->load(sequence);
  if (wide_sequence_ == sequence) return wide_rows_.data();
  block_->mlp_input(joined(sequence), lengths_[sequence], rows_.data());
  float* rows = middle_ ? middle_->start(sequence) : wide_rows_.data();
  block_->mlp_middle(rows_.data(), lengths_[sequence], rows);
  if (middle_) {
    middle_->save(sequence);
    stage(sequence) = Stage::kMiddle;
  } else {
    wide_sequence_ = sequence;
  }
  return rows;
}

const float* CalibrationWalk::attention_update(std::size_t sequence) {
  const float* attention = attended(sequence);
  std::fill_n(rows_.data(), lengths_[sequence] * block_->shape().hidden, 0.0f);
  block_->add_attention(rows_.data(), attention, lengths_[sequence]);
  return rows_.data();
}

const float* CalibrationWalk::mlp_update(std::size_t sequence) {
  const float* inner = middle(sequence);
  std::fill_n(rows_.data(), lengths_[sequence] * block_->shape().hidden, 0.0f);
  block_->add_mlp(rows_.data(), inner, lengths_[sequence]);
  return rows_.data();
}

void CalibrationWalk::compute_mlp(Tap tap, const ActivationRows& inputs, float* out) {
  require_block("an MLP computed");
  const BlockShape& shape = block_->shape();
  if (inputs.width != shape.hidden || (tap != Tap::kMlpMiddle && tap != Tap::kMlpUpdate)) {
    throw Error("calibration walk", fmt::format("rows of {} for the MLP", inputs.width),
                fmt::format("{} and a tap of the MLP", shape.hidden));
  }
  if (tap == Tap::kMlpUpdate) asked_rows_.resize(static_cast<std::size_t>(longest_ * shape.intermediate));
  for (std::int64_t first = 0; first < inputs.count; first += longest_) {
    check_interrupt();
    const std::int64_t count = std::min(longest_, inputs.count - first);
    const float* rows = inputs.data + first * shape.hidden;
    if (tap == Tap::kMlpMiddle) {
      block_->mlp_middle(rows, count, out + first * shape.intermediate);
      continue;
    }
    block_->mlp_middle(rows, count, asked_rows_.data());
    float* update = out + first * shape.hidden;
    std::fill_n(update, count * shape.hidden, 0.0f);
    block_->add_mlp(update, asked_rows_.data(), count);
  }
}

const float* CalibrationWalk::output(std::size_t sequence) {
  const std::int64_t hidden = block_->shape().hidden;
  if (!outputs_) {
    const ActivationStore::Place place = place_for(ActivationStore::bytes_for(lengths_, hidden), memory_left_);
    outputs_.emplace(lengths_, hidden, place, options_.spill_folder);
  }
  if (stage(sequence) >= Stage::kFinished) return outputs_->load(sequence);
  const float* inner = middle(sequence);
  const float* joint = joined(sequence);
  float* rows = outputs_->start(sequence);
  std::copy_n(joint, lengths_[sequence] * hidden, rows);
  block_->add_mlp(rows, inner, lengths_[sequence]);
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
  forget_behind(norm == BlockNorm::kInput ? Stage::kEntered : Stage::kJoined);
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
    const float* inner = middle(s);
    float* rows = joined(s);
    block_->add_mlp(rows, inner, lengths_[s]);
    joined_->save(s);
  }
  std::swap(inputs_, joined_);
  block_.reset();
}

}  // namespace qreason
