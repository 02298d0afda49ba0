// How long the rest of an evaluation takes, without the bias that the answers which finish first are the short ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace qreason {

// Answers are begun in the order in which they are asked for, as many at a time as the generator's batch takes. How
// long one takes is estimated from the finished ones and from those in work, which are known to take longer than they
// did so far: the product-limit estimate of Kaplan and Meier (1958). Beyond the longest finished one the longest in
// work is taken to go on for as long again. All times are seconds since the start of this run.
class AnswerPace {
 public:
  // Answer `index` (in the order of asking) is there at time `now`, when `in_work` others are being generated.
  void finished(std::size_t index, std::int64_t in_work, double now);

  // Answer `index` needed no work, and says nothing of how long others take.
  void skipped(std::size_t index);

  // Seconds from `now` until `total` answers are there; nullopt before the first.
  std::optional<double> seconds_left(std::int64_t total, double now) const;

 private:
  void begin_until(std::size_t count);

  std::vector<double> begun_;  // by index
  std::vector<bool> done_;
  std::vector<double> durations_;  // of finished answers
  std::int64_t most_in_work_ = 1;
  double last_ = 0;  // when an answer was finished
};

}  // namespace qreason
