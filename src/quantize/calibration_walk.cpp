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

CalibrationWalk::CalibrationWalk(const WeightSource& source, const std::vector<std::vector<std::int32_t>>& samples,
                                 Options options, Executor& executor)
    : options_(std::move(options)), executor_(executor), rope_(source.config()) {
  const ModelConfig& config = source.config();
  for (const auto& sample : samples) lengths_.push_back(static_cast<std::int64_t>(sample.size()));
  if (lengths_.empty()) throw Error("calibration", "no sequence", "at least one");
  longest_ = *std::max_element(lengths_.begin(), lengths_.end());

  std::uint64_t left = options_.memory_limit;
  const std::int64_t query = config.heads * config.head_dim;
  const auto bytes = [&](std::int64_t width) { return ActivationStore::bytes_for(lengths_, width); };
  hidden_.emplace(lengths_, config.hidden_size, place_for(bytes(config.hidden_size), left), options_.spill_folder);
  attended_.emplace(lengths_, query, place_for(bytes(query), left), options_.spill_folder);
  if (bytes(config.intermediate_size) <= left) {
    middle_.emplace(lengths_, config.intermediate_size, ActivationStore::Place::kMemory, options_.spill_folder);
  }

  const at::Tensor table = source.tensor("model.embed_tokens.weight");
  for (std::size_t s = 0; s < samples.size(); ++s) {
    float* rows = hidden_->start(s);
    for (std::size_t i = 0; i < samples[s].size(); ++i) {
      copy_embedding(table, samples[s][i], rows + static_cast<std::int64_t>(i) * config.hidden_size);
    }
    hidden_->save(s);
  }
}

void CalibrationWalk::reserve_pages(const AttentionShape& shape) {
  const std::int64_t count = (longest_ + kPageTokens - 1) / kPageTokens;
  const std::int64_t floats = shape.key_page_floats() + shape.value_page_floats();
  pages_.numbers.resize(static_cast<std::size_t>(count * floats));
  pages_.streams = {.keys = 0, .values = static_cast<std::size_t>(shape.key_page_floats()) * sizeof(float)};
  pages_.starts.clear();
  for (std::int64_t page = 0; page < count; ++page) {
    pages_.starts.push_back(reinterpret_cast<std::byte*>(pages_.numbers.data() + page * floats));
  }
}

BlockBatch CalibrationWalk::batch_of(std::size_t sequence) {
  // A sample is one forward of its length.
  const RopeSpan span{.first = 0, .count = lengths_[sequence], .prompt = lengths_[sequence]};
  rope_.prepare({&span, 1}, rope_step_);
  segment_ = {.first_row = 0, .rows = lengths_[sequence], .first_position = 0, .pages = pages_.starts.data()};
  return {.rows = lengths_[sequence],
          .positions = rope_step_.index(),
          .cosine = rope_step_.cosine(),
          .sine = rope_step_.sine(),
          .attention = {.segments = &segment_, .count = 1, .streams = pages_.streams}};
}

void CalibrationWalk::enter(Block& block) {
  if (stage_ != Stage::kOutside) throw Error("calibration walk", "a block entered inside another", "leave() first");
  block.set_quantizers(Block::Quantizers::kOff);
  block_ = &block;
  const BlockShape& shape = block.shape();
  reserve_pages(block.attention_shape());
  scratch_.reserve(shape, longest_);
  rows_.resize(static_cast<std::size_t>(longest_ * shape.hidden));
  if (!middle_) wide_rows_.resize(static_cast<std::size_t>(longest_ * shape.intermediate));
  stage_ = Stage::kEntered;
}

void CalibrationWalk::for_each_input(Site site, const Visitor& visitor) {
  if (stage_ == Stage::kOutside)
    throw Error("calibration walk", "inputs asked for outside of a block", "enter() first");
  const auto refuse_after = [&](Stage last) {
    if (stage_ > last)
      throw Error("calibration walk", fmt::format("{} asked for too late", name_of(site)), "block order");
  };
  switch (site) {
    case Site::kAttentionInput:
      refuse_after(Stage::kEntered);
      return visit_attention_input(visitor);
    case Site::kAttentionOutput:
      refuse_after(Stage::kAttentionSeen);
      return attend(visitor);
    case Site::kMlpInput:
      refuse_after(Stage::kAttended);
      advance_to(Stage::kAttended);
      return enter_mlp(visitor);
    case Site::kMlpMiddle:
      refuse_after(Stage::kMlpEntered);
      advance_to(Stage::kMlpEntered);
      return run_mlp(visitor);
    default:
      throw Error("calibration walk", std::string(name_of(site)), "a site that linears read");
  }
}

void CalibrationWalk::advance_to(Stage stage) {
  const Visitor nothing = [](const float*, std::int64_t) {};
  if (stage_ < Stage::kAttended && stage >= Stage::kAttended) attend(nothing);
  if (stage_ < Stage::kMlpEntered && stage >= Stage::kMlpEntered) enter_mlp(nothing);
}

void CalibrationWalk::visit_attention_input(const Visitor& visitor) {
  for (std::size_t s = 0; s < lengths_.size(); ++s) {
    check_interrupt();
    block_->attention_input(hidden_->load(s), lengths_[s], rows_.data(), executor_);
    visitor(rows_.data(), lengths_[s]);
  }
  stage_ = Stage::kAttentionSeen;
}

void CalibrationWalk::attend(const Visitor& visitor) {
  for (std::size_t s = 0; s < lengths_.size(); ++s) {
    check_interrupt();
    block_->attention_input(hidden_->load(s), lengths_[s], rows_.data(), executor_);
    float* attended = attended_->start(s);
    block_->attend(rows_.data(), batch_of(s), scratch_, attended, executor_);
    attended_->save(s);
    visitor(attended, lengths_[s]);
  }
  stage_ = Stage::kAttended;
}

void CalibrationWalk::enter_mlp(const Visitor& visitor) {
  for (std::size_t s = 0; s < lengths_.size(); ++s) {
    check_interrupt();
    float* hidden = hidden_->load(s);
    block_->add_attention(hidden, attended_->load(s), lengths_[s], executor_);
    hidden_->save(s);
    block_->mlp_input(hidden, lengths_[s], rows_.data(), executor_);
    visitor(rows_.data(), lengths_[s]);
  }
  stage_ = Stage::kMlpEntered;
}

void CalibrationWalk::run_mlp(const Visitor& visitor) {
  for (std::size_t s = 0; s < lengths_.size(); ++s) {
    check_interrupt();
    block_->mlp_input(hidden_->load(s), lengths_[s], rows_.data(), executor_);
    float* middle = middle_ ? middle_->start(s) : wide_rows_.data();
    block_->mlp_middle(rows_.data(), lengths_[s], scratch_, middle, executor_);
    visitor(middle, lengths_[s]);
  }
  stage_ = Stage::kMlpDone;
}

void CalibrationWalk::leave() {
  if (stage_ == Stage::kOutside) throw Error("calibration walk", "leave() outside of a block", "enter() first");
  advance_to(Stage::kMlpEntered);
  const bool stored = middle_ && stage_ == Stage::kMlpDone;
  for (std::size_t s = 0; s < lengths_.size(); ++s) {
    check_interrupt();
    float* hidden = hidden_->load(s);
    float* middle = stored ? middle_->load(s) : wide_rows_.data();
    if (!stored) {
      wide_rows_.resize(static_cast<std::size_t>(longest_ * block_->shape().intermediate));
      middle = wide_rows_.data();
      block_->mlp_input(hidden, lengths_[s], rows_.data(), executor_);
      block_->mlp_middle(rows_.data(), lengths_[s], scratch_, middle, executor_);
    }
    block_->add_mlp(hidden, middle, lengths_[s], executor_);
    hidden_->save(s);
  }
  block_ = nullptr;
  stage_ = Stage::kOutside;
}

}  // namespace qreason
