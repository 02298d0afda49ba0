// The least of several losses that are sums of squares, each of which costs much to add up. A sum that has passed one
// that is whole cannot become the least: no more of it is added up, and the choice is that of all sums.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace qreason {

// Losses of candidates 0, 1, ... as sums over the same units (tokens, sequences, outputs) of terms that are at least 0.
class SummedLosses {
 public:
  virtual ~SummedLosses() = default;
  virtual std::int64_t units() const = 0;
  // add_terms() is of this candidate from now on.
  virtual void begin(std::int64_t candidate) = 0;
  // terms[u] of every u in `units`; the same bits in whatever company a unit comes.
  virtual void find_terms(std::span<const std::int64_t> units, std::span<double> terms) = 0;
};

enum class Judging { kUntilBeaten, kToTheEnd };

struct LeastLoss {
  std::int64_t best = -1;    // the first of the least finite sums; -1 where none is finite
  std::vector<double> sums;  // by candidate, over the units in their order; of beaten ones what was added up of them
  std::int64_t failed = 0;   // sums, whole or not, that are not finite
};

// Candidate 0 is always added up whole. Its largest terms say which units to take first: where a few carry most of the
// loss, the others' sums are soon beaten. The units that come first also say which candidates to try first.
LeastLoss find_least(std::int64_t candidates, SummedLosses& losses, Judging judging);

}  // namespace qreason
