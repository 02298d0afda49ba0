#include "study/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "study/distributions.h"
#include "study/exact_tests.h"
#include "study/proportion_intervals.h"

namespace qreason {
namespace {

constexpr double kLevel = 0.975;

template <class T>
double mean_of(const std::vector<T>& values) {
  double sum = 0;
  for (const T value : values) sum += static_cast<double>(value);
  return sum / static_cast<double>(values.size());
}

double sample_std(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

struct ClusterEstimate {
  double estimate = 0;
  std::optional<double> se;
  std::optional<Interval> ci95;
  std::optional<Interval> report;
};

// The mean of integers over problems, divided by `scale`, with the problem as the cluster.
ClusterEstimate cluster_estimate(const std::vector<std::int64_t>& values, double scale, Interval clip) {
  const auto n = static_cast<double>(values.size());
  const std::int64_t sum = std::accumulate(values.begin(), values.end(), std::int64_t{0});
  ClusterEstimate result;
  result.estimate = static_cast<double>(sum) / (n * scale);
  const bool equal = std::all_of(values.begin(), values.end(), [&](std::int64_t v) { return v == values[0]; });
  if (values.size() > 1) {
    std::vector<double> scaled;
    for (const std::int64_t value : values) scaled.push_back(static_cast<double>(value) / scale);
    result.se = equal ? 0.0 : sample_std(scaled) / std::sqrt(n);
    const double width = *result.se == 0 ? 0 : student_t_quantile(kLevel, n - 1) * *result.se;
    result.ci95 = Interval{result.estimate - width, result.estimate + width};
  }
  if (!result.se) return result;
  const double bound = zero_event_bound(static_cast<std::int64_t>(values.size()));  // where nothing varies
  const Interval open = *result.se > 0 ? *result.ci95 : Interval{result.estimate - bound, result.estimate + bound};
  result.report = Interval{std::max(clip.low, open.low), std::min(clip.high, open.high)};
  return result;
}

void describe_lengths(const SeedGroup& group, GroupStatistics& result) {
  std::vector<double> steps;
  for (const auto& row : group.steps) steps.push_back(mean_of(row));
  result.steps = spread(steps);
  if (all_recorded(group.tokens)) {
    std::vector<double> tokens;
    for (const auto& row : group.tokens) tokens.push_back(mean_of(row));
    result.tokens = spread(tokens);
  }
  std::int64_t known = 0, truncated = 0, finished = 0, finished_right = 0;
  for (std::size_t k = 0; k < group.seeds.size(); ++k) {
    for (std::size_t i = 0; i < group.problems(); ++i) {
      if (!group.truncated[k][i]) continue;
      ++known;
      if (*group.truncated[k][i])
        ++truncated;
      else
        ++finished, finished_right += group.grades[k][i];
    }
  }
  if (known > 0) result.truncation_rate = static_cast<double>(truncated) / static_cast<double>(known);
  if (finished > 0) result.accuracy_of_finished = static_cast<double>(finished_right) / static_cast<double>(finished);
}

McNemar mcnemar_of_seed(const SeedGroup& baseline, std::size_t b, const SeedGroup& variant, std::size_t v) {
  std::int64_t table[2][2] = {};
  for (std::size_t i = 0; i < baseline.problems(); ++i) ++table[baseline.grades[b][i]][variant.grades[v][i]];
  McNemar result = mcnemar_test(table[1][0], table[0][1]);
  result.seed = baseline.seeds[b];
  result.both_right = table[1][1];
  result.both_wrong = table[0][0];
  return result;
}

void describe_thoughts(const SeedGroup& group, GroupStatistics& result) {
  std::int64_t unfinished = 0, right = 0;
  for (const auto& thoughts : group.thoughts) {
    unfinished += std::count_if(thoughts.begin(), thoughts.end(), [](Thought t) { return t != Thought::kEnded; });
    right += std::count(thoughts.begin(), thoughts.end(), Thought::kUnfinishedRight);
  }
  const auto answers = static_cast<double>(group.seeds.size() * group.problems());
  result.unfinished_rate = static_cast<double>(unfinished) / answers;
  result.unfinished_right_rate = static_cast<double>(right) / answers;
}

// Squares of integers add up exactly; with S seeds, r of them right, sum of (y - mean)^2 is r (S - r) / S.
void describe_seeds(const SeedGroup& group, GroupStatistics& result) {
  const auto seeds = static_cast<std::int64_t>(group.seeds.size());
  if (seeds < 2) return;
  std::int64_t products = 0;
  for (const std::int64_t right : right_per_problem(group)) products += right * (seeds - right);
  const double all = static_cast<double>(seeds * (seeds - 1)) * static_cast<double>(group.problems());
  result.within_variance = static_cast<double>(products) / all;
  // Of S (S - 1) / 2 pairs of seeds of a problem, r (S - r) differ.
  result.seed_disagreement = 2 * static_cast<double>(products) / all;
}

// The share of answers that a matrix of the group marks; nullopt where not all rows are known.
std::optional<double> marked_rate(const SeedGroup& group, const std::vector<std::vector<bool>>& marks) {
  std::int64_t marked = 0;
  for (const auto& row : marks) {
    if (row.size() != group.problems()) return std::nullopt;
    marked += std::count(row.begin(), row.end(), true);
  }
  if (marks.empty()) return std::nullopt;
  return static_cast<double>(marked) / static_cast<double>(group.seeds.size() * group.problems());
}

// variant - baseline by problem, in units of 1 / lcm(S_b, S_v).
std::vector<std::int64_t> differences_of(const SeedGroup& baseline, const std::vector<std::int64_t>& base_right,
                                         const SeedGroup& variant, const std::vector<std::int64_t>& variant_right,
                                         std::int64_t common) {
  const auto base_seeds = static_cast<std::int64_t>(baseline.seeds.size());
  const auto variant_seeds = static_cast<std::int64_t>(variant.seeds.size());
  std::vector<std::int64_t> differences;
  for (std::size_t i = 0; i < base_right.size(); ++i)
    differences.push_back(variant_right[i] * (common / variant_seeds) - base_right[i] * (common / base_seeds));
  return differences;
}

void require_same_problems(const SeedGroup& baseline, const SeedGroup& variant) {
  if (baseline.ids == variant.ids) return;
  const std::string only_base = missing_problem(baseline.ids, variant.ids);
  throw Error("statistics",
              only_base.empty()
                  ? fmt::format("problem {} only in the variant", missing_problem(variant.ids, baseline.ids))
                  : fmt::format("problem {} only in the baseline", only_base),
              "the same problems in both");
}

void compare_seeds(const SeedGroup& baseline, const SeedGroup& variant, PairStatistics& result) {
  for (std::size_t b = 0; b < baseline.seeds.size(); ++b) {
    const auto found = std::find(variant.seeds.begin(), variant.seeds.end(), baseline.seeds[b]);
    if (found == variant.seeds.end()) continue;
    result.mcnemar.push_back(
        mcnemar_of_seed(baseline, b, variant, static_cast<std::size_t>(found - variant.seeds.begin())));
    if (!result.flips) result.flips = Flips{};
    result.flips->right_to_wrong += result.mcnemar.back().right_to_wrong;
    result.flips->wrong_to_right += result.mcnemar.back().wrong_to_right;
    result.flips->pairs += static_cast<std::int64_t>(baseline.problems());
  }
}

}  // namespace

Spread spread(const std::vector<double>& per_seed) {
  Spread result{mean_of(per_seed), std::nullopt};
  if (per_seed.size() > 1) result.std = sample_std(per_seed);
  return result;
}

GroupStatistics describe(const SeedGroup& group) {
  GroupStatistics result;
  for (const auto& grades : group.grades) result.accuracy_per_seed.push_back(mean_of(grades));
  result.accuracy = spread(result.accuracy_per_seed);
  const ClusterEstimate estimate =
      cluster_estimate(right_per_problem(group), static_cast<double>(group.seeds.size()), Interval{0, 1});
  result.clustered_se = estimate.se;
  result.clustered_ci95 = estimate.ci95;
  result.report_ci95 = estimate.report;
  describe_lengths(group, result);
  describe_thoughts(group, result);
  result.looping_rate = marked_rate(group, group.looping);
  result.right_in_thought_rate = marked_rate(group, group.in_thought);
  describe_seeds(group, result);
  return result;
}

McNemar mcnemar_test(std::int64_t right_to_wrong, std::int64_t wrong_to_right) {
  McNemar result;
  result.right_to_wrong = right_to_wrong;
  result.wrong_to_right = wrong_to_right;
  const std::int64_t n = right_to_wrong + wrong_to_right;
  if (n == 0) return result;
  const std::int64_t smaller = std::min(right_to_wrong, wrong_to_right);
  const double pmf = fair_binomial_pmf(smaller, n);
  const bool tied = right_to_wrong == wrong_to_right;
  result.p_exact = tied ? 1.0 : std::min(1.0, 2 * fair_binomial_cdf(smaller, n));
  result.p_mid = tied ? 1 - pmf / 2 : result.p_exact - pmf;
  return result;
}

PairStatistics compare(const SeedGroup& baseline, const SeedGroup& variant) {
  require_same_problems(baseline, variant);
  const auto base_seeds = static_cast<std::int64_t>(baseline.seeds.size());
  const auto variant_seeds = static_cast<std::int64_t>(variant.seeds.size());
  const std::vector<std::int64_t> base_right = right_per_problem(baseline);
  const std::vector<std::int64_t> variant_right = right_per_problem(variant);

  PairStatistics result;
  result.scale = std::lcm(base_seeds, variant_seeds);
  result.differences = differences_of(baseline, base_right, variant, variant_right, result.scale);
  const auto problems = static_cast<std::int64_t>(result.differences.size());
  const ClusterEstimate estimate =
      cluster_estimate(result.differences, static_cast<double>(result.scale), Interval{-1, 1});
  result.difference = estimate.estimate;
  result.clustered_se = estimate.se;
  result.clustered_ci95 = estimate.ci95;
  result.report_ci95 = estimate.report;
  if (estimate.se && *estimate.se > 0)
    result.p_t = student_t_two_sided(estimate.estimate / *estimate.se, static_cast<double>(problems) - 1);
  compare_seeds(baseline, variant, result);
  result.p_sign_flip = sign_flip_p(result.differences);
  result.p_stratified = stratified_p(base_right, base_seeds, variant_right, variant_seeds);
  result.bootstrap = exact_bootstrap(result.differences, result.scale);
  const std::int64_t sum = std::accumulate(result.differences.begin(), result.differences.end(), std::int64_t{0});
  result.verdict_by_points = verdict_by_points(sum, problems * result.scale);
  if (result.report_ci95) result.verdict_by_interval = verdict_by_interval(*result.report_ci95);
  if (const double base_accuracy = mean_of(base_right) / static_cast<double>(base_seeds); base_accuracy > 0)
    result.recovery_percent = 100 * (mean_of(variant_right) / static_cast<double>(variant_seeds)) / base_accuracy;
  result.tokens = token_ratios(baseline, variant);
  return result;
}

}  // namespace qreason
