#include "model/rope_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/backend.h"

namespace qreason {

std::int64_t first_dynamic_length(const ModelConfig& config) {
  const auto* dynamic = config.rope_scaling ? std::get_if<DynamicRopeScaling>(&*config.rope_scaling) : nullptr;
  return dynamic ? dynamic->original_max_positions + 1 : std::numeric_limits<std::int64_t>::max();
}

RopeTable::RopeTable(const ModelConfig& config)
    : config_(config),
      inverse_frequency_(rope_inverse_frequencies(config)),
      attention_factor_(static_cast<float>(rope_attention_factor(config))),
      dynamic_from_(first_dynamic_length(config)) {
  grown_.push_back(std::make_unique<const Rows>());
  newest_.store(grown_.back().get(), std::memory_order_release);
}

void RopeTable::fill(std::int64_t position, const std::vector<float>& frequencies, float* cosine, float* sine) const {
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float angle = static_cast<float>(position) * frequencies[i];
    cosine[i] = static_cast<float>(std::cos(static_cast<double>(angle))) * attention_factor_;
    sine[i] = static_cast<float>(std::sin(static_cast<double>(angle))) * attention_factor_;
  }
}

void RopeTable::reserve(std::int64_t count) const {
  if (count <= positions()) return;
  const std::lock_guard lock(growing_);
  const Rows& old = rows();
  if (count <= old.positions) return;
  auto larger = std::make_unique<Rows>(old);
  // Doubling, so that decoding one token at a time does not copy the table at every step.
  larger->positions = std::max({count, 2 * old.positions, std::int64_t{256}});
  const std::size_t pairs = inverse_frequency_.size();
  larger->cosine.resize(static_cast<std::size_t>(larger->positions) * pairs);
  larger->sine.resize(larger->cosine.size());
  for (std::int64_t position = old.positions; position < larger->positions; ++position) {
    const std::size_t at = static_cast<std::size_t>(position) * pairs;
    const bool of_its_own = position + 1 >= dynamic_from_;
    fill(position, of_its_own ? rope_inverse_frequencies(config_, position + 1) : inverse_frequency_,
         larger->cosine.data() + at, larger->sine.data() + at);
  }
  grown_.push_back(std::move(larger));
  newest_.store(grown_.back().get(), std::memory_order_release);
}

// Whether positions before the prompt's last have the angles of the whole prompt.
bool RopeTable::has_prompt_angles(const RopeSpan& sequence) const {
  return sequence.count > 0 && sequence.prompt >= dynamic_from_ && sequence.first + 1 < sequence.prompt;
}

void RopeTable::prepare(std::span<const RopeSpan> sequences, RopeStep& step) const {
  std::int64_t longest = 0;
  step.index_.clear();
  step.pairs_ = static_cast<std::int64_t>(inverse_frequency_.size());
  for (const RopeSpan& sequence : sequences) {
    longest = std::max(longest, sequence.first + sequence.count);
    for (std::int64_t i = 0; i < sequence.count; ++i) {
      step.index_.push_back(static_cast<std::int32_t>(sequence.first + i));
    }
  }
  reserve(longest);
  const Rows& table = rows();
  step.cosine_ = table.cosine.data();
  step.sine_ = table.sine.data();
  const bool own = std::any_of(sequences.begin(), sequences.end(),
                               [&](const RopeSpan& sequence) { return has_prompt_angles(sequence); });
  if (own) fill_own(sequences, step);
}

// A row for each position, in the order of the step.
void RopeTable::fill_own(std::span<const RopeSpan> sequences, RopeStep& step) const {
  const std::size_t pairs = inverse_frequency_.size();
  step.own_cosine_.resize(step.index_.size() * pairs);
  step.own_sine_.resize(step.own_cosine_.size());
  std::size_t at = 0;
  for (const RopeSpan& sequence : sequences) {
    const bool of_prompt = has_prompt_angles(sequence);
    const std::vector<float> frequencies =
        of_prompt ? rope_inverse_frequencies(config_, sequence.prompt) : std::vector<float>();
    for (std::int64_t position = sequence.first; position < sequence.first + sequence.count; ++position, at += pairs) {
      float* cosine = step.own_cosine_.data() + at;
      float* sine = step.own_sine_.data() + at;
      if (of_prompt && position < sequence.prompt) {
        fill(position, frequencies, cosine, sine);
      } else {
        const std::size_t row = static_cast<std::size_t>(position) * pairs;
        std::copy_n(step.cosine_ + row, pairs, cosine);
        std::copy_n(step.sine_ + row, pairs, sine);
      }
    }
  }
  step.cosine_ = step.own_cosine_.data();
  step.sine_ = step.own_sine_.data();
  std::iota(step.index_.begin(), step.index_.end(), 0);
}

void RopeStep::gather() {
  const auto pairs = static_cast<std::size_t>(pairs_);
  std::vector<float> cosine, sine;
  for (const std::int32_t row : index_) {
    const std::size_t at = static_cast<std::size_t>(row) * pairs;
    cosine.insert(cosine.end(), cosine_ + at, cosine_ + at + pairs);
    sine.insert(sine.end(), sine_ + at, sine_ + at + pairs);
  }
  own_cosine_ = std::move(cosine);
  own_sine_ = std::move(sine);
  cosine_ = own_cosine_.data();
  sine_ = own_sine_.data();
  std::iota(index_.begin(), index_.end(), 0);
}

void RopeStep::place(const Backend& backend) {
  if (backend.shares_host_memory()) return;
  gather();
  placed_cosine_.assign(own_cosine_, backend);
  placed_sine_.assign(own_sine_, backend);
  cosine_ = placed_cosine_.data();
  sine_ = placed_sine_.data();
}

}  // namespace qreason
