// Distributions of sums of independent integers, exact but for the rounding of positive doubles: what the exact tests
// (study/exact_tests.h) and the bootstrap without resampling (study/bootstrap.h) are made of.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace qreason {

struct IntegerDistribution {
  std::int64_t first = 0;                   // the least value
  std::vector<double> probabilities = {1};  // of first, first + 1, ...

  std::int64_t last() const { return first + static_cast<std::int64_t>(probabilities.size()) - 1; }
  double of(std::int64_t value) const;  // 0 outside
};

// From values and their probabilities; not empty.
IntegerDistribution distribution_of(const std::map<std::int64_t, double>& probabilities);

// Of the sum of one of each; of the sum of `times` >= 0 independent ones.
IntegerDistribution convolved(const IntegerDistribution& a, const IntegerDistribution& b);
IntegerDistribution convolved_power(const IntegerDistribution& one, std::int64_t times);

// The same without its two ends of values that are each less probable than 1e-25: what quantiles and sums do not see,
// and a tail probability as small does.
IntegerDistribution without_ends(IntegerDistribution distribution);
IntegerDistribution convolved_power_without_ends(const IntegerDistribution& one, std::int64_t times);

}  // namespace qreason
