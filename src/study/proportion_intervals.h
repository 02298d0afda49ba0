// 95 % intervals of one proportion of independent trials: `correct` of n problems in one run. Never of problems times
// seeds: the same problem twice is no independent trial, which is what the clustered interval (study/statistics.h) is
// for.
#pragma once

#include <cstdint>

#include "study/interval.h"

namespace qreason {

// The score interval (Wilson 1927).
Interval wilson_interval(std::int64_t correct, std::int64_t n);

// Beta(correct + 1/2, n - correct + 1/2), equal tails; with the ends of Brown, Cai, DasGupta (2001): low is 0 for none
// right and high 1 for all, since the interval would not hold the estimate otherwise.
Interval jeffreys_equal_tailed(std::int64_t correct, std::int64_t n);
Interval jeffreys_interval(std::int64_t correct, std::int64_t n);

// The exact one (Clopper, Pearson 1934), which is conservative.
Interval clopper_pearson_interval(std::int64_t correct, std::int64_t n);

// What zero events in n leave possible: 1 - 0.025^(1/n) (Hanley, Lippman-Hand 1983, two-sided).
double zero_event_bound(std::int64_t n);

}  // namespace qreason
