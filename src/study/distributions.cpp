#include "study/distributions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace qreason {
namespace {

// The continued fraction of the incomplete beta function by Lentz's method; converges for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr int kMaxTerms = 10'000;
  double c = 1;
  double d = 1 - (a + b) * x / (a + 1);
  if (std::abs(d) < kTiny) d = kTiny;
  d = 1 / d;
  double result = d;
  for (int m = 1; m <= kMaxTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double change = 1;
    for (const double term : {even, odd}) {
      d = 1 + term * d;
      c = 1 + term / c;
      if (std::abs(d) < kTiny) d = kTiny;
      if (std::abs(c) < kTiny) c = kTiny;
      d = 1 / d;
      change = d * c;
      result *= change;
    }
    if (std::abs(change - 1) < 1e-16) break;
  }
  return result;
}

// Bisection on an increasing function: slow, but exact to the last bit and without cases.
template <class Function>
double increasing_inverse(Function function, double target, double low, double high) {
  for (int step = 0; step < 2000; ++step) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (function(middle) < target ? low : high) = middle;
  }
  return high;
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_t_two_sided(double t, double degrees) {
  return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

double student_t_quantile(double probability, double degrees) {
  if (probability == 0.5) return 0;
  if (probability < 0.5) return -student_t_quantile(1 - probability, degrees);
  const double tail = 2 * (1 - probability);
  double high = 2;
  while (student_t_two_sided(high, degrees) > tail && high < 1e200) high *= 2;
  return increasing_inverse([&](double t) { return -student_t_two_sided(t, degrees); }, -tail, 0, high);
}

double beta_quantile(double probability, double a, double b) {
  return increasing_inverse([&](double x) { return incomplete_beta(a, b, x); }, probability, 0, 1);
}

double normal_cdf(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

double normal_quantile(double probability) {
  return increasing_inverse(normal_cdf, probability, -40, 40);
}

double binomial_cdf(std::int64_t k, std::int64_t n, double p) {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incomplete_beta(static_cast<double>(n - k), static_cast<double>(k + 1), 1 - p);
}

double binomial_pmf(std::int64_t k, std::int64_t n, double p) {
  if (k < 0 || k > n) return 0;
  if (p <= 0 || p >= 1) return k == (p <= 0 ? 0 : n) ? 1 : 0;
  const auto real = [](std::int64_t value) { return static_cast<double>(value); };
  return std::exp(std::lgamma(real(n) + 1) - std::lgamma(real(k) + 1) - std::lgamma(real(n - k) + 1) +
                  real(k) * std::log(p) + real(n - k) * std::log1p(-p));
}

double fair_binomial_pmf(std::int64_t k, std::int64_t n) {
  if (k < 0 || k > n) return 0;
  const auto real = [](std::int64_t value) { return static_cast<double>(value); };
  return std::exp(std::lgamma(real(n) + 1) - std::lgamma(real(k) + 1) - std::lgamma(real(n - k) + 1) -
                  real(n) * std::numbers::ln2);
}

double fair_binomial_cdf(std::int64_t k, std::int64_t n) {
  double sum = 0;
  for (std::int64_t j = 0; j <= std::min(k, n); ++j) sum += fair_binomial_pmf(j, n);
  return std::min(1.0, sum);
}

}  // namespace qreason
