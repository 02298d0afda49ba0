#include "study/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "base/error.h"
#include "study/distributions.h"

namespace qreason {
namespace {

constexpr double kLevel = 0.975;
constexpr double kNormal = 1.96;  // the composites' interval, as the definitions say

void check_run(const Run& run) {
  const std::size_t n = run.ids.size();
  if (n == 0) throw Error(run.name, "no problem", "at least one");
  for (const std::size_t size : {run.grades.size(), run.tokens.size(), run.steps.size(), run.truncated.size()})
    if (size != n) throw Error(run.name, fmt::format("columns of {} and {} rows", n, size), "equal lengths");
  if (!run.thoughts.empty() && run.thoughts.size() != n)
    throw Error(run.name, fmt::format("columns of {} and {} rows", n, run.thoughts.size()), "equal lengths");
  for (std::size_t i = 0; i < n; ++i)
    if (run.grades[i] != 0 && run.grades[i] != 1)
      throw Error(run.name, fmt::format("grade {} of problem {}", run.grades[i], run.ids[i]), "0 or 1");
}

std::string missing_problem(const std::vector<std::string>& from, const std::vector<std::string>& in) {
  for (const std::string& id : from)
    if (!std::binary_search(in.begin(), in.end(), id)) return id;
  return "";
}

// Rows of a run in the order of sorted ids.
std::vector<std::size_t> sorted_order(const Run& run) {
  std::vector<std::size_t> order(run.ids.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return run.ids[a] < run.ids[b]; });
  for (std::size_t i = 1; i < order.size(); ++i)
    if (run.ids[order[i]] == run.ids[order[i - 1]])
      throw Error(run.name, "problem " + run.ids[order[i]] + " twice", "each problem once");
  return order;
}

template <class T>
std::vector<T> reordered(const std::vector<T>& values, const std::vector<std::size_t>& order) {
  std::vector<T> result;
  result.reserve(order.size());
  for (const std::size_t i : order) result.push_back(values[i]);
  return result;
}

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

// Sums over seeds are integers, so equal problems give exactly equal values and a standard error of exactly 0.
std::vector<std::int64_t> right_per_problem(const SeedGroup& group) {
  std::vector<std::int64_t> right(group.problems(), 0);
  for (const auto& grades : group.grades)
    for (std::size_t i = 0; i < grades.size(); ++i) right[i] += grades[i];
  return right;
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
  // Where nothing varies: the exact upper bound for zero events in n (Hanley, Lippman-Hand 1983).
  const double bound = 1 - std::pow(1 - kLevel, 1 / n);
  const Interval open = *result.se > 0 ? *result.ci95 : Interval{result.estimate - bound, result.estimate + bound};
  result.report = Interval{std::max(clip.low, open.low), std::min(clip.high, open.high)};
  return result;
}

bool all_recorded(const std::vector<std::vector<std::int64_t>>& values) {
  for (const auto& row : values)
    for (const std::int64_t value : row)
      if (value < 0) return false;
  return true;
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

// P(|sum of +-d_i| >= |sum of d_i|) over all 2^n signs, by convolution on the integers.
double sign_flip_p(const std::vector<std::int64_t>& differences) {
  std::int64_t reach = 0;
  std::int64_t observed = 0;
  for (const std::int64_t d : differences) {
    reach += std::abs(d);
    observed += d;
  }
  std::vector<double> probability(static_cast<std::size_t>(2 * reach + 1), 0.0);
  std::vector<double> next(probability.size());
  probability[static_cast<std::size_t>(reach)] = 1;
  std::int64_t spread_now = 0;
  for (const std::int64_t signed_d : differences) {
    const std::int64_t d = std::abs(signed_d);
    if (d == 0) continue;
    std::fill(next.begin() + (reach - spread_now - d), next.begin() + (reach + spread_now + d + 1), 0.0);
    for (std::int64_t s = reach - spread_now; s <= reach + spread_now; ++s) {
      const double half = probability[static_cast<std::size_t>(s)] / 2;
      next[static_cast<std::size_t>(s - d)] += half;
      next[static_cast<std::size_t>(s + d)] += half;
    }
    spread_now += d;
    std::swap(probability, next);
  }
  double p = 0;
  for (std::int64_t s = -reach; s <= reach; ++s)
    if (std::abs(s) >= std::abs(observed)) p += probability[static_cast<std::size_t>(s + reach)];
  return std::min(1.0, p);
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

double mean_tokens(const SeedGroup& group) {
  double sum = 0;
  for (const auto& row : group.tokens) sum += mean_of(row);
  return sum / static_cast<double>(group.tokens.size());
}

}  // namespace

SeedGroup group_runs(const std::vector<Run>& runs) {
  if (runs.empty()) throw Error("statistics", "no run", "at least one");
  SeedGroup group;
  std::set<std::uint64_t> seeds;
  for (const Run& run : runs) {
    check_run(run);
    if (!seeds.insert(run.seed).second) throw Error(run.name, fmt::format("seed {} twice", run.seed), "each seed once");
    const std::vector<std::size_t> order = sorted_order(run);
    std::vector<std::string> ids = reordered(run.ids, order);
    if (group.ids.empty()) group.ids = ids;
    if (ids != group.ids) {
      const std::string only_here = missing_problem(ids, group.ids);
      const std::string only_there = missing_problem(group.ids, ids);
      throw Error(run.name,
                  fmt::format("other problems than the other seeds ({})", only_here.empty() ? only_there : only_here),
                  "the same problems for every seed");
    }
    group.seeds.push_back(run.seed);
    group.grades.push_back(reordered(run.grades, order));
    group.tokens.push_back(reordered(run.tokens, order));
    group.steps.push_back(reordered(run.steps, order));
    group.truncated.push_back(reordered(run.truncated, order));
    group.thoughts.push_back(run.thoughts.empty() ? std::vector<Thought>(order.size(), Thought::kEnded)
                                                  : reordered(run.thoughts, order));
  }
  return group;
}

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
  if (baseline.ids != variant.ids) {
    const std::string only_base = missing_problem(baseline.ids, variant.ids);
    const std::string only_variant = missing_problem(variant.ids, baseline.ids);
    throw Error("statistics",
                only_base.empty() ? fmt::format("problem {} only in the variant", only_variant)
                                  : fmt::format("problem {} only in the baseline", only_base),
                "the same problems in both");
  }
  const auto base_seeds = static_cast<std::int64_t>(baseline.seeds.size());
  const auto variant_seeds = static_cast<std::int64_t>(variant.seeds.size());
  const std::int64_t common = std::lcm(base_seeds, variant_seeds);
  const std::vector<std::int64_t> base_right = right_per_problem(baseline);
  const std::vector<std::int64_t> variant_right = right_per_problem(variant);
  std::vector<std::int64_t> differences;
  for (std::size_t i = 0; i < base_right.size(); ++i)
    differences.push_back(variant_right[i] * (common / variant_seeds) - base_right[i] * (common / base_seeds));

  PairStatistics result;
  const ClusterEstimate estimate = cluster_estimate(differences, static_cast<double>(common), Interval{-1, 1});
  result.difference = estimate.estimate;
  result.clustered_se = estimate.se;
  result.clustered_ci95 = estimate.ci95;
  result.report_ci95 = estimate.report;
  if (estimate.se && *estimate.se > 0)
    result.p_t = student_t_two_sided(estimate.estimate / *estimate.se, static_cast<double>(differences.size()) - 1);
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
  result.p_sign_flip = sign_flip_p(differences);
  const double base_accuracy = describe(baseline).accuracy.mean;
  if (base_accuracy > 0) result.recovery_percent = 100 * describe(variant).accuracy.mean / base_accuracy;
  if (all_recorded(baseline.tokens) && all_recorded(variant.tokens) && mean_tokens(baseline) > 0)
    result.token_ratio_of_means = mean_tokens(variant) / mean_tokens(baseline);
  return result;
}

std::optional<CompositeStatistics> compose(const std::vector<CompositePart>& parts) {
  CompositeStatistics result;
  for (const std::uint64_t seed : parts.at(0).group->seeds) {
    double value = 0;
    bool everywhere = true;
    for (const CompositePart& part : parts) {
      const auto& seeds = part.group->seeds;
      const auto found = std::find(seeds.begin(), seeds.end(), seed);
      everywhere = everywhere && found != seeds.end();
      if (everywhere)
        value += part.weight * mean_of(part.group->grades[static_cast<std::size_t>(found - seeds.begin())]);
    }
    if (!everywhere) continue;
    result.seeds.push_back(seed);
    result.per_seed.push_back(value);
  }
  if (result.seeds.empty()) return std::nullopt;
  result.accuracy = spread(result.per_seed);
  double variance = 0;
  bool defined = true;
  for (const CompositePart& part : parts) {
    const auto se = describe(*part.group).clustered_se;
    defined = defined && se.has_value();
    if (se) variance += part.weight * part.weight * *se * *se;
  }
  if (defined) {
    result.clustered_se = std::sqrt(variance);
    result.ci95 = Interval{std::max(0.0, result.accuracy.mean - kNormal * *result.clustered_se),
                           std::min(1.0, result.accuracy.mean + kNormal * *result.clustered_se)};
  }
  return result;
}

}  // namespace qreason
