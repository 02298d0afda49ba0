// What an evaluation tells of its answers while it goes on.
#pragma once

#include <cstdint>
#include <string>

namespace qreason {

// The score interval of a proportion (Wilson 1927, JASA 22): of `count` >= 1 answers `right` are right.
struct ScoreInterval {
  double low = 0, high = 1;
};
ScoreInterval score_interval(std::int64_t right, std::int64_t count);

// The 95 % interval takes answers for independent and those so far for a sample of all: the tables of a finished study
// do neither.
class RunningScore {
 public:
  // `output_tokens` below 0: not known.
  void add(bool right, std::int64_t output_tokens);
  // "158/179 right: 88.3 % (82.7 to 92.2), 3120 tokens/s", `seconds` after the start; after the first answer.
  std::string text(double seconds) const;

 private:
  std::int64_t right_ = 0, count_ = 0, tokens_ = 0;
};

}  // namespace qreason
