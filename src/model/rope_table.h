// Cosine and sine of every position and rotary pair, grown on demand.
//
// The inverse frequencies are rounded to float32 and the angle is the float32 product position * inverse frequency, as
// in transformers (and so in the training of the models): at position 8000 it differs from the exact product by up to
// 2.5e-4 radians. Cosine and sine of that angle are taken in double and rounded to float32.
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
  const float* cosine() const { return cosine_.data(); }  // [positions, head_dim / 2]
  const float* sine() const { return sine_.data(); }

 private:
  std::vector<float> inverse_frequency_;
  std::vector<float> cosine_, sine_;
  std::int64_t positions_ = 0;
};

}  // namespace qreason
