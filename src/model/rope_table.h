// Cosine and sine of every position and rotary pair, grown on demand.
//
// The inverse frequencies are rounded to float32 and the angle is the float32 product position * inverse frequency, as
// in transformers (and so in the training of the models): at position 8000 it differs from the exact product by up to
// 2.5e-4 radians. Cosine and sine of that angle are taken in double and rounded to float32.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "model/config.h"

namespace qreason {

class RopeTable {
 public:
  explicit RopeTable(const ModelConfig& config);

  // Makes positions [0, count) available. May be called by several threads; what cosine() and sine() returned before
  // stays valid as long as the table.
  void reserve(std::int64_t count) const;
  std::int64_t positions() const { return rows().positions; }
  const float* cosine() const { return rows().cosine.data(); }  // [positions, head_dim / 2]
  const float* sine() const { return rows().sine.data(); }

 private:
  struct Rows {
    std::int64_t positions = 0;
    std::vector<float> cosine, sine;
  };
  const Rows& rows() const { return *newest_.load(std::memory_order_acquire); }

  std::vector<float> inverse_frequency_;
  mutable std::mutex growing_;
  mutable std::vector<std::unique_ptr<const Rows>> grown_;  // each at least twice as long as the one before
  mutable std::atomic<const Rows*> newest_;
};

}  // namespace qreason
