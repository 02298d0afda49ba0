#include "study/exact_tests.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>
#include <optional>

#include "study/integer_distribution.h"

namespace qreason {
namespace {

constexpr std::int64_t kExactSteps = std::int64_t{1} << 22;
constexpr std::int64_t kRoundedSteps = std::int64_t{1} << 15;

// Of sum +-d_i, all signs equally likely.
IntegerDistribution signed_sums(const std::vector<std::int64_t>& differences) {
  std::map<std::int64_t, std::int64_t> counts;
  for (const std::int64_t d : differences) ++counts[std::abs(d)];
  IntegerDistribution all;
  for (const auto& [d, count] : counts)
    if (d != 0) all = convolved(all, convolved_power(distribution_of({{-d, 0.5}, {d, 0.5}}), count));
  return all;
}

double both_tails(const IntegerDistribution& sums, std::int64_t observed) {
  double p = 0;
  for (std::int64_t s = sums.first; s <= sums.last(); ++s)
    if (std::abs(s) >= std::abs(observed)) p += sums.of(s);
  return std::min(1.0, p);
}

double choose(std::int64_t n, std::int64_t k) {
  double result = 1;
  for (std::int64_t i = 1; i <= k; ++i) result *= static_cast<double>(n - k + i) / static_cast<double>(i);
  return result;
}

// Right answers of the variant where `right` of all grades are.
IntegerDistribution hypergeometric(std::int64_t right, std::int64_t baseline_seeds, std::int64_t variant_seeds) {
  std::map<std::int64_t, double> probabilities;
  const double all = choose(baseline_seeds + variant_seeds, right);
  for (std::int64_t k = std::max<std::int64_t>(0, right - baseline_seeds); k <= std::min(right, variant_seeds); ++k)
    probabilities[k] = choose(variant_seeds, k) * choose(baseline_seeds, right - k) / all;
  return distribution_of(probabilities);
}

// value as a ratio of integers of at most `largest`, by its continued fraction; nullopt where it is none.
std::optional<std::pair<std::int64_t, std::int64_t>> as_ratio(double value, std::int64_t largest) {
  std::int64_t before[2] = {0, 1}, now[2] = {1, 0};  // numerator, denominator
  double rest = value;
  for (int step = 0; step < 40; ++step) {
    if (rest > static_cast<double>(largest)) return std::nullopt;
    const auto whole = static_cast<std::int64_t>(std::floor(rest));
    for (int i = 0; i < 2; ++i) {
      const std::int64_t next = whole * now[i] + before[i];
      before[i] = now[i];
      now[i] = next;
      if (next > largest) return std::nullopt;
    }
    if (std::abs(static_cast<double>(now[0]) / static_cast<double>(now[1]) - value) <= 1e-13 * value)
      return std::pair(now[0], now[1]);
    rest = 1 / (rest - std::floor(rest));
  }
  return std::nullopt;
}

// What one step of each task's sums is worth, as integers of one unit; empty where that lattice is too fine.
std::vector<std::int64_t> common_steps(const std::vector<double>& worth, const std::vector<double>& reach) {
  std::vector<std::pair<std::int64_t, std::int64_t>> ratios;
  std::int64_t common = 1;
  for (const double one : worth) {
    const auto ratio = as_ratio(one / worth[0], kExactSteps);
    if (!ratio) return {};
    ratios.push_back(*ratio);
    common = std::lcm(common, ratio->second);
    if (common > kExactSteps) return {};
  }
  std::vector<std::int64_t> steps;
  double all = 0;
  for (std::size_t t = 0; t < ratios.size(); ++t) {
    all += reach[t] * static_cast<double>(ratios[t].first) * static_cast<double>(common / ratios[t].second);
    if (all > static_cast<double>(kExactSteps)) return {};
    steps.push_back(ratios[t].first * (common / ratios[t].second));
  }
  return steps;
}

// The same sums at other places.
template <class Place>
IntegerDistribution placed(const IntegerDistribution& sums, const Place& place) {
  std::map<std::int64_t, double> probabilities;
  for (std::int64_t s = sums.first; s <= sums.last(); ++s)
    if (sums.of(s) > 0) probabilities[place(s)] += sums.of(s);
  return distribution_of(probabilities);
}

// What without_ends() may have left out of the sums of all tasks.
constexpr double kMostLeftOut = 1e-19;

// P(|sum of signed numbers| >= |at|) <= 2 exp(-at^2 / (2 sum of squares)) (Hoeffding 1963, theorem 2).
double tail_bound(const std::vector<WeightedDifferences>& tasks, const std::vector<double>& worth, double at) {
  double squares = 0;
  for (std::size_t t = 0; t < tasks.size(); ++t)
    for (const std::int64_t difference : tasks[t].differences) {
      const double own = worth[t] * static_cast<double>(difference);
      squares += own * own;
    }
  return 2 * std::exp(-at * at / (2 * squares));
}

}  // namespace

double sign_flip_p(const std::vector<std::int64_t>& differences) {
  return both_tails(signed_sums(differences), std::accumulate(differences.begin(), differences.end(), std::int64_t{0}));
}

double stratified_p(const std::vector<std::int64_t>& baseline_right, std::int64_t baseline_seeds,
                    const std::vector<std::int64_t>& variant_right, std::int64_t variant_seeds) {
  std::map<std::int64_t, std::int64_t> counts;  // problems, by grades right
  std::int64_t observed = 0, right = 0;
  for (std::size_t i = 0; i < baseline_right.size(); ++i) {
    ++counts[baseline_right[i] + variant_right[i]];
    observed += variant_right[i];
    right += baseline_right[i] + variant_right[i];
  }
  IntegerDistribution sums;
  for (const auto& [of_a_problem, count] : counts)
    sums = convolved(sums, convolved_power(hypergeometric(of_a_problem, baseline_seeds, variant_seeds), count));
  // T - ET times the number of seeds, which is whole.
  const auto excess = [&](std::int64_t t) {
    return std::abs((baseline_seeds + variant_seeds) * t - variant_seeds * right);
  };
  double p = 0;
  for (std::int64_t t = sums.first; t <= sums.last(); ++t)
    if (excess(t) >= excess(observed)) p += sums.of(t);
  return std::min(1.0, p);
}

WeightedTest weighted_sign_flip(const std::vector<WeightedDifferences>& tasks) {
  WeightedTest result;
  std::vector<IntegerDistribution> sums;
  std::vector<std::int64_t> observed;
  std::vector<double> worth, reach;
  double range = 0;
  for (const WeightedDifferences& task : tasks) {
    sums.push_back(signed_sums(task.differences));
    observed.push_back(std::accumulate(task.differences.begin(), task.differences.end(), std::int64_t{0}));
    worth.push_back(task.weight / static_cast<double>(task.differences.size()) / static_cast<double>(task.scale));
    reach.push_back(static_cast<double>(sums.back().last()));
    result.statistic += worth.back() * static_cast<double>(observed.back());
    range += worth.back() * reach.back();
  }
  if (range == 0) return result;
  const std::vector<std::int64_t> steps = common_steps(worth, reach);
  IntegerDistribution all;
  if (!steps.empty()) {
    std::int64_t at = 0;
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      all = convolved(all, placed(sums[t], [&](std::int64_t s) { return s * steps[t]; }));
      at += observed[t] * steps[t];
    }
    result.p = both_tails(all, at);
    return result;
  }
  result.exact = false;
  const double unit = range / static_cast<double>(kRoundedSteps);
  for (std::size_t t = 0; t < tasks.size(); ++t)
    all = without_ends(convolved(
        all, placed(sums[t], [&](std::int64_t s) { return std::llround(static_cast<double>(s) * worth[t] / unit); })));
  // Each task's sum is rounded by half a step at most.
  const double least = std::abs(result.statistic) / unit - static_cast<double>(tasks.size()) / 2 - 1e-6;
  result.p = both_tails(all, std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(least))));
  result.p = std::max(result.p, std::min(kMostLeftOut, tail_bound(tasks, worth, result.statistic)));
  return result;
}

}  // namespace qreason
