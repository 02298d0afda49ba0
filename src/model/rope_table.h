// Cosine and sine of every position and rotary pair, grown on demand.
//
// The inverse frequencies are rounded to float32 and the angle is the float32 product position * inverse frequency, as
// in transformers (and so in the training of the models): at position 8000 it differs from the exact product by up to
// 2.5e-4 radians. Cosine and sine of that angle are taken in double, rounded to float32 and multiplied by YaRN's
// attention factor.
//
// Under "dynamic" scaling the frequencies depend on the length of the sequence, and cached keys keep the angle that
// they were stored with. The length that counts for position p is max(prompt, p + 1): transformers' for the sequence
// alone (the prompt in one forward, then token by token). So it depends neither on the batch nor on how a prompt is cut
// into steps, nor on whether a sequence is computed again after it was put off.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "kernels/buffer.h"
#include "model/config.h"

namespace qreason {

// From this length of a prompt on its rotary angles depend on it ("dynamic" scaling); of other models no length is.
std::int64_t first_dynamic_length(const ModelConfig& config);

// Consecutive positions of one sequence, and how many its prompt has.
struct RopeSpan {
  std::int64_t first = 0, count = 0, prompt = 0;
};

// The angles of the rows of a step: row r has cosine and sine number index[r], a list of the host's. Valid until it is
// filled anew, and as long as the table.
class RopeStep {
 public:
  // Puts a row of angles for each of the step's one behind another: index 0, 1, ...
  void gather();
  // Brings the angles into the backend's memory; until then, and where that is the host's, they are the host's.
  void place(const Backend& backend);
  const std::int32_t* index() const { return index_.data(); }
  const float* cosine() const { return cosine_; }  // [.., head_dim / 2]
  const float* sine() const { return sine_; }

 private:
  friend class RopeTable;
  std::vector<std::int32_t> index_;
  std::int64_t pairs_ = 0;                    // of a row
  std::vector<float> own_cosine_, own_sine_;  // where the table's will not do
  Buffer<float> placed_cosine_, placed_sine_;
  const float* cosine_ = nullptr;
  const float* sine_ = nullptr;
};

class RopeTable {
 public:
  explicit RopeTable(const ModelConfig& config);

  // May be called by several threads, each with a step of its own.
  void prepare(std::span<const RopeSpan> sequences, RopeStep& step) const;

  // Makes positions [0, count) of a sequence that grows token by token available. May be called by several threads;
  // what cosine() and sine() returned before stays valid as long as the table.
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
  bool has_prompt_angles(const RopeSpan& sequence) const;
  void fill(std::int64_t position, const std::vector<float>& frequencies, float* cosine, float* sine) const;
  void fill_own(std::span<const RopeSpan> sequences, RopeStep& step) const;

  ModelConfig config_;
  std::vector<float> inverse_frequency_;
  float attention_factor_;
  std::int64_t dynamic_from_;  // the first length with frequencies of its own
  mutable std::mutex growing_;
  mutable std::vector<std::unique_ptr<const Rows>> grown_;  // each at least twice as long as the one before
  mutable std::atomic<const Rows*> newest_;
};

}  // namespace qreason
