#include "study/proportion_intervals.h"

#include <algorithm>
#include <cmath>

#include "study/distributions.h"

namespace qreason {
namespace {

constexpr double kTail = 0.025;

double real(std::int64_t value) {
  return static_cast<double>(value);
}

}  // namespace

Interval wilson_interval(std::int64_t correct, std::int64_t n) {
  const double z = normal_quantile(1 - kTail);
  const double share = real(correct) / real(n);
  const double scale = 1 + z * z / real(n);
  const double centre = (share + z * z / (2 * real(n))) / scale;
  const double half = z * std::sqrt(share * (1 - share) / real(n) + z * z / (4 * real(n) * real(n))) / scale;
  return {.low = correct == 0 ? 0 : centre - half, .high = correct == n ? 1 : centre + half};
}

Interval jeffreys_equal_tailed(std::int64_t correct, std::int64_t n) {
  const double a = real(correct) + 0.5, b = real(n - correct) + 0.5;
  return {.low = beta_quantile(kTail, a, b), .high = beta_quantile(1 - kTail, a, b)};
}

Interval jeffreys_interval(std::int64_t correct, std::int64_t n) {
  const Interval equal = jeffreys_equal_tailed(correct, n);
  return {.low = correct == 0 ? 0 : equal.low, .high = correct == n ? 1 : equal.high};
}

Interval clopper_pearson_interval(std::int64_t correct, std::int64_t n) {
  const double low = correct == 0 ? 0 : beta_quantile(kTail, real(correct), real(n - correct + 1));
  const double high = correct == n ? 1 : beta_quantile(1 - kTail, real(correct + 1), real(n - correct));
  return {.low = low, .high = high};
}

double zero_event_bound(std::int64_t n) {
  return 1 - std::pow(kTail, 1 / real(n));
}

}  // namespace qreason
