#include "study/power.h"

#include <algorithm>
#include <cmath>

#include "study/distributions.h"

namespace qreason {
namespace {

constexpr double kLevel = 0.05;
constexpr double kStandardErrors = 11;  // of the number of discordant pairs: beyond, less than 1e-27

double real(std::int64_t value) {
  return static_cast<double>(value);
}

// The largest k for which k discordant pairs of n on one side are significant; -1 where none is.
std::int64_t critical_count(std::int64_t n) {
  std::int64_t low = -1, high = n / 2;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    // In the middle of all pairs p is 1 whatever the sum says.
    const bool significant = 2 * middle < n && 2 * binomial_cdf(middle, n, 0.5) <= kLevel;
    if (significant)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

}  // namespace

double mcnemar_problems(double difference, double discordance, double power) {
  const double root = normal_quantile(1 - kLevel / 2) * std::sqrt(discordance) +
                      normal_quantile(power) * std::sqrt(discordance - difference * difference);
  return root * root / (difference * difference);
}

double exact_mcnemar_power(std::int64_t n, double difference, double discordance) {
  const double worse = (discordance + std::abs(difference)) / (2 * discordance);  // of a discordant pair
  const double expected = real(n) * discordance;
  const double width = kStandardErrors * std::sqrt(std::max(1.0, expected * (1 - discordance)));
  const auto from = static_cast<std::int64_t>(std::max(0.0, std::floor(expected - width)));
  const auto to = static_cast<std::int64_t>(std::min(real(n), std::ceil(expected + width)));
  double power = 0;
  for (std::int64_t pairs = from; pairs <= to; ++pairs) {
    const std::int64_t critical = critical_count(pairs);
    if (critical < 0) continue;
    power += binomial_pmf(pairs, n, discordance) *
             (binomial_cdf(critical, pairs, worse) + binomial_cdf(critical, pairs, 1 - worse));
  }
  return power;
}

std::int64_t exact_mcnemar_problems(double difference, double discordance, double power) {
  auto n = static_cast<std::int64_t>(std::ceil(mcnemar_problems(difference, discordance, power)));
  if (exact_mcnemar_power(n, difference, discordance) < power) {
    do ++n;
    while (exact_mcnemar_power(n, difference, discordance) < power);
    return n;
  }
  while (n > 1 && exact_mcnemar_power(n - 1, difference, discordance) >= power) --n;
  return n;
}

double variance_of_difference(const DifferenceVariance& variance, std::int64_t baseline_seeds,
                              std::int64_t variant_seeds) {
  return variance.between + variance.within_baseline / real(baseline_seeds) +
         variance.within_variant / real(variant_seeds);
}

double clustered_problems(double variance_of_difference, double difference, double power) {
  const double z = normal_quantile(1 - kLevel / 2) + normal_quantile(power);
  return z * z * variance_of_difference / (difference * difference);
}

double minimum_detectable(double variance_of_difference, std::int64_t n, double power) {
  const double z = normal_quantile(1 - kLevel / 2) + normal_quantile(power);
  return z * std::sqrt(variance_of_difference / real(n));
}

}  // namespace qreason
