// Bootstrap intervals with the problem (all its seeds together) as what is drawn: percentile, and bias-corrected and
// accelerated (BCa; Efron 1987; Efron, Tibshirani 1993, 14.10).
//
// z0 is the normal quantile of the share of resampled statistics below the observed one, ties counted half;
// acceleration a = sum D^3 / (6 (sum D^2)^1.5), D = mean(jackknife) - jackknife_i; levels Phi(z0 + (z0 + z) / (1 - a
// (z0 + z))); an endpoint is the least value at which the distribution function reaches the level. Statistics are
// compared as integers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "study/interval.h"

namespace qreason {

struct Bootstrap {
  double estimate = 0;
  Interval percentile;
  Interval bca;
  // nullopt where nothing varies: the intervals are the point then.
  std::optional<double> p_below, z0, acceleration;
  std::optional<Interval> bca_levels;
};

// Of the mean of `values` / scale: the limit of infinitely many resamples, by convolution. nullopt for fewer than two.
std::optional<Bootstrap> exact_bootstrap(const std::vector<std::int64_t>& values, std::int64_t scale);

struct Resampling {
  std::int64_t resamples = 10'000;
  std::uint64_t seed = 1;  // of numpy.random.default_rng
};
// Of sum(numerators) / sum(denominators), drawn in pairs: a ratio of means; with denominators of 1, a mean. The same
// for the same seed. nullopt for fewer than two pairs or where a sum of denominators is not positive.
std::optional<Bootstrap> resampled_bootstrap(const std::vector<std::int64_t>& numerators,
                                             const std::vector<std::int64_t>& denominators,
                                             const Resampling& resampling = {});

}  // namespace qreason
