// Cosine and sine of every position and rotary pair, grown on demand. Angles in double, values rounded to float32.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"

namespace qreason {

class RopeTable {
 public:
  explicit RopeTable(const ModelConfig& config);

  // Makes positions [0, count) available. Not thread-safe; call before a step.
  void reserve(std::int64_t count);
  std::int64_t positions() const { return positions_; }
  const float* cosine() const { return cosine_.data(); }   // [positions, head_dim / 2]
  const float* sine() const { return sine_.data(); }

 private:
  std::vector<double> inverse_frequency_;
  std::vector<float> cosine_, sine_;
  std::int64_t positions_ = 0;
};

}  // namespace qreason
