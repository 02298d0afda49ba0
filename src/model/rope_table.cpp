#include "model/rope_table.h"

#include <algorithm>
#include <cmath>

namespace qreason {

RopeTable::RopeTable(const ModelConfig& config) : inverse_frequency_(rope_inverse_frequencies(config)) {}

void RopeTable::reserve(std::int64_t count) {
  if (count <= positions_) return;
  // Doubling, so that decoding one token at a time does not copy the table at every step.
  const std::int64_t target = std::max({count, 2 * positions_, std::int64_t{256}});
  const std::size_t pairs = inverse_frequency_.size();
  cosine_.resize(static_cast<std::size_t>(target) * pairs);
  sine_.resize(cosine_.size());
  for (std::int64_t position = positions_; position < target; ++position) {
    for (std::size_t i = 0; i < pairs; ++i) {
      const float angle = static_cast<float>(position) * inverse_frequency_[i];
      const std::size_t at = static_cast<std::size_t>(position) * pairs + i;
      cosine_[at] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sine_[at] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
  positions_ = target;
}

}  // namespace qreason
