// Distribution functions that the statistics need, to about 1e-12 relative.
#pragma once

#include <cstdint>

namespace qreason {

// I_x(a, b), the regularized incomplete beta function; a, b > 0, x in [0, 1]. Continued fraction (Lentz).
double incomplete_beta(double a, double b, double x);

// P(|T| >= |t|) and the quantile of Student's t with `degrees` > 0.
double student_t_two_sided(double t, double degrees);
double student_t_quantile(double probability, double degrees);

// P(Beta(a, b) <= x) is incomplete_beta(a, b, x); its quantile.
double beta_quantile(double probability, double a, double b);

// The standard normal distribution and its quantile.
double normal_cdf(double z);
double normal_quantile(double probability);

// P(X <= k) and P(X = k) for X ~ Binomial(n, p).
double binomial_cdf(std::int64_t k, std::int64_t n, double p);
double binomial_pmf(std::int64_t k, std::int64_t n, double p);

// P(X <= k) and P(X = k) for X ~ Binomial(n, 1/2).
double fair_binomial_cdf(std::int64_t k, std::int64_t n);
double fair_binomial_pmf(std::int64_t k, std::int64_t n);

}  // namespace qreason
