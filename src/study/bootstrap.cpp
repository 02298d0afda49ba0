#include "study/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/random.h"
#include "study/distributions.h"
#include "study/integer_distribution.h"

namespace qreason {
namespace {

constexpr double kTail = 0.025;

__extension__ typedef __int128 Wide;  // products of sums of tokens can need more than 64 bits

struct Ratio {
  std::int64_t numerator = 0, denominator = 1;

  double value() const { return static_cast<double>(numerator) / static_cast<double>(denominator); }
  Wide excess(const Ratio& other) const {
    return static_cast<Wide>(numerator) * other.denominator - static_cast<Wide>(other.numerator) * denominator;
  }
};

// sum D^3 / (6 (sum D^2)^1.5); nullopt where all are equal.
std::optional<double> acceleration_of(const std::vector<double>& jackknife) {
  const double mean = std::accumulate(jackknife.begin(), jackknife.end(), 0.0) / static_cast<double>(jackknife.size());
  double squares = 0, cubes = 0;
  for (const double value : jackknife) {
    const double away = mean - value;
    squares += away * away;
    cubes += away * away * away;
  }
  if (squares == 0) return std::nullopt;
  return cubes / (6 * std::pow(squares, 1.5));
}

double corrected_level(double z0, double acceleration, double level) {
  const double z = z0 + normal_quantile(level);
  return normal_cdf(z0 + z / (1 - acceleration * z));
}

// `quantile`: the least value at which the distribution function of the statistic reaches a level.
template <class Quantile>
Bootstrap intervals(double estimate, double p_below, double acceleration, const Quantile& quantile) {
  Bootstrap result{.estimate = estimate,
                   .percentile = {quantile(kTail), quantile(1 - kTail)},
                   .bca = {},
                   .p_below = p_below,
                   .z0 = normal_quantile(p_below),
                   .acceleration = acceleration,
                   .bca_levels = {}};
  result.bca_levels =
      Interval{corrected_level(*result.z0, acceleration, kTail), corrected_level(*result.z0, acceleration, 1 - kTail)};
  result.bca = {quantile(result.bca_levels->low), quantile(result.bca_levels->high)};
  return result;
}

Bootstrap point(double estimate) {
  return {.estimate = estimate,
          .percentile = {estimate, estimate},
          .bca = {estimate, estimate},
          .p_below = {},
          .z0 = {},
          .acceleration = {},
          .bca_levels = {}};
}

}  // namespace

std::optional<Bootstrap> exact_bootstrap(const std::vector<std::int64_t>& values, std::int64_t scale) {
  const auto n = static_cast<std::int64_t>(values.size());
  if (n < 2) return std::nullopt;
  const auto whole = static_cast<double>(n) * static_cast<double>(scale);
  const std::int64_t sum = std::accumulate(values.begin(), values.end(), std::int64_t{0});
  std::map<std::int64_t, double> shares;
  for (const std::int64_t value : values) shares[value] += 1.0;
  if (shares.size() == 1) return point(static_cast<double>(sum) / whole);
  for (auto& [value, share] : shares) share /= static_cast<double>(n);
  const IntegerDistribution sums = convolved_power_without_ends(distribution_of(shares), n);
  double below = sums.of(sum) / 2;
  for (std::int64_t s = sums.first; s < sum; ++s) below += sums.of(s);
  const auto quantile = [&](double level) {
    double reached = 0;
    for (std::int64_t s = sums.first; s <= sums.last(); ++s) {
      reached += sums.of(s);
      if (reached >= level) return static_cast<double>(s) / whole;
    }
    return static_cast<double>(sums.last()) / whole;
  };
  std::vector<double> jackknife;
  for (const std::int64_t value : values)
    jackknife.push_back(static_cast<double>(sum - value) / (static_cast<double>(n - 1) * static_cast<double>(scale)));
  return intervals(static_cast<double>(sum) / whole, below, acceleration_of(jackknife).value_or(0), quantile);
}

std::optional<Bootstrap> resampled_bootstrap(const std::vector<std::int64_t>& numerators,
                                             const std::vector<std::int64_t>& denominators,
                                             const Resampling& resampling) {
  const std::size_t n = numerators.size();
  const Ratio all{std::accumulate(numerators.begin(), numerators.end(), std::int64_t{0}),
                  std::accumulate(denominators.begin(), denominators.end(), std::int64_t{0})};
  if (n < 2 || all.denominator <= 0) return std::nullopt;
  std::vector<double> jackknife;
  for (std::size_t i = 0; i < n; ++i) {
    const Ratio others{all.numerator - numerators[i], all.denominator - denominators[i]};
    if (others.denominator <= 0) return std::nullopt;
    jackknife.push_back(others.value());
  }
  const std::optional<double> acceleration = acceleration_of(jackknife);
  if (!acceleration) return point(all.value());
  NumpyGenerator random(resampling.seed);
  std::vector<double> drawn;
  double below = 0;
  for (std::int64_t b = 0; b < resampling.resamples; ++b) {
    Ratio sums{0, 0};
    for (std::size_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(random.integers(0, static_cast<std::int64_t>(n)));
      sums.numerator += numerators[at];
      sums.denominator += denominators[at];
    }
    if (sums.denominator <= 0) return std::nullopt;
    const auto excess = sums.excess(all);
    below += excess < 0 ? 1 : excess == 0 ? 0.5 : 0;
    drawn.push_back(sums.value());
  }
  // A share of none or all would put the intervals at infinity.
  const auto count = static_cast<double>(drawn.size());
  below = std::clamp(below, 0.5, count - 0.5);
  std::sort(drawn.begin(), drawn.end());
  const auto quantile = [&](double level) {
    const double rank = std::clamp(std::ceil(level * count), 1.0, count);
    return drawn[static_cast<std::size_t>(rank) - 1];
  };
  return intervals(all.value(), below / count, *acceleration, quantile);
}

}  // namespace qreason
