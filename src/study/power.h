// How many problems a difference takes to be found, two-sided at 0.05.
#pragma once

#include <cstdint>

namespace qreason {

// One run each, McNemar's test: P(flip) of a problem, the difference (as fractions), the power that is wanted. Connor
// (1987): n = (z_.975 sqrt(psi) + z_power sqrt(psi - delta^2))^2 / delta^2, not rounded up. That is of the asymptotic
// test; the exact one reaches less there. |difference| <= discordance.
double mcnemar_problems(double difference, double discordance, double power);
// The power of the exact test with n problems: the sum over the number of discordant pairs.
double exact_mcnemar_power(std::int64_t n, double difference, double discordance);
// Problems with which the exact test has it. Its power is saw-toothed in n: the first n from Connor's on that has it
// (or the last one below it down to which all have).
std::int64_t exact_mcnemar_problems(double difference, double discordance, double power);

// Several seeds, the clustered t test (Miller 2024, arXiv 2411.00640, section 5): omega^2 + s_b^2 / S_b + s_v^2 / S_v
// is the variance of one problem's difference, omega^2 that of the true differences between problems, s^2 the variance
// of its grades between seeds (GroupStatistics::within_variance).
struct DifferenceVariance {
  double between = 0;                              // omega^2
  double within_baseline = 0, within_variant = 0;  // s^2 of one grade
};
double variance_of_difference(const DifferenceVariance& variance, std::int64_t baseline_seeds,
                              std::int64_t variant_seeds);
// n = (z_.975 + z_power)^2 variance / delta^2, not rounded up; and the least delta that n problems find.
double clustered_problems(double variance_of_difference, double difference, double power);
double minimum_detectable(double variance_of_difference, std::int64_t n, double power);

}  // namespace qreason
