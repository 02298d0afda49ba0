#include "study/composite_statistics.h"

#include <algorithm>
#include <cmath>

#include "study/distributions.h"

namespace qreason {
namespace {

constexpr double kLevel = 0.975;

Interval clipped(double mean, double se, Interval clip) {
  const double width = normal_quantile(kLevel) * se;
  return {.low = std::max(clip.low, mean - width), .high = std::min(clip.high, mean + width)};
}

}  // namespace

std::optional<CompositeStatistics> compose(const std::vector<CompositePart>& parts) {
  CompositeStatistics result;
  std::vector<GroupStatistics> tasks;
  for (const CompositePart& part : parts) tasks.push_back(describe(*part.group));
  for (const std::uint64_t seed : parts.at(0).group->seeds) {
    double value = 0;
    bool everywhere = true;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto& seeds = parts[i].group->seeds;
      const auto found = std::find(seeds.begin(), seeds.end(), seed);
      everywhere = everywhere && found != seeds.end();
      if (everywhere)
        value += parts[i].weight * tasks[i].accuracy_per_seed[static_cast<std::size_t>(found - seeds.begin())];
    }
    if (!everywhere) continue;
    result.seeds.push_back(seed);
    result.per_seed.push_back(value);
  }
  if (result.seeds.empty()) return std::nullopt;
  result.accuracy = spread(result.per_seed);
  double variance = 0;
  bool defined = true;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto se = tasks[i].clustered_se;
    defined = defined && se.has_value();
    if (se) variance += parts[i].weight * parts[i].weight * *se * *se;
  }
  if (defined) {
    result.clustered_se = std::sqrt(variance);
    result.ci95 = clipped(result.accuracy.mean, *result.clustered_se, {.low = 0, .high = 1});
  }
  return result;
}

CompositeDifference compose_differences(const std::vector<ComparedPart>& parts) {
  CompositeDifference result;
  double variance = 0;
  bool defined = true;
  std::vector<WeightedDifferences> tasks;
  for (const auto& [weight, pair] : parts) {
    result.difference += weight * pair->difference;
    defined = defined && pair->clustered_se.has_value();
    const double se = weight * pair->clustered_se.value_or(0);
    variance += se * se;
    tasks.push_back({.weight = weight, .scale = pair->scale, .differences = pair->differences});
  }
  result.sign_flip = weighted_sign_flip(tasks);
  result.verdict_by_points = verdict_by_points(result.difference);
  if (!defined) return result;
  result.clustered_se = std::sqrt(variance);
  result.ci95 = clipped(result.difference, *result.clustered_se, {.low = -1, .high = 1});
  result.verdict_by_interval = verdict_by_interval(*result.ci95);
  return result;
}

}  // namespace qreason
