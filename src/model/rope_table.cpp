#include "model/rope_table.h"

#include <algorithm>
#include <cmath>

namespace qreason {

RopeTable::RopeTable(const ModelConfig& config) : inverse_frequency_(rope_inverse_frequencies(config)) {
  grown_.push_back(std::make_unique<const Rows>());
  newest_.store(grown_.back().get(), std::memory_order_release);
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
    for (std::size_t i = 0; i < pairs; ++i) {
      const float angle = static_cast<float>(position) * inverse_frequency_[i];
      const std::size_t at = static_cast<std::size_t>(position) * pairs + i;
      larger->cosine[at] = static_cast<float>(std::cos(static_cast<double>(angle)));
      larger->sine[at] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
  grown_.push_back(std::move(larger));
  newest_.store(grown_.back().get(), std::memory_order_release);
}

}  // namespace qreason
