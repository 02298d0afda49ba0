// Means of tasks (AIME-120, Avg.) and their differences from the baseline: the tasks' standard errors are independent,
// so their squares add up, SE^2 = sum (weight SE_task)^2.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "study/exact_tests.h"
#include "study/statistics.h"

namespace qreason {

// A weighted mean of tasks, per seed that all of them have; SE from the tasks' own.
struct CompositePart {
  double weight = 1;
  const SeedGroup* group = nullptr;
};
struct CompositeStatistics {
  std::vector<std::uint64_t> seeds;
  std::vector<double> per_seed;
  Spread accuracy;
  std::optional<double> clustered_se;
  std::optional<Interval> ci95;  // normal: +- 1.96 SE, clipped
};
// nullopt when no seed is common to all parts.
std::optional<CompositeStatistics> compose(const std::vector<CompositePart>& parts);

// A weighted mean of tasks' differences, each task over its own seeds.
struct ComparedPart {
  double weight = 1;
  const PairStatistics* pair = nullptr;
};
struct CompositeDifference {
  double difference = 0;
  std::optional<double> clustered_se;  // nullopt where a task has none
  std::optional<Interval> ci95;        // normal: +- 1.96 SE, clipped
  WeightedTest sign_flip;
  Verdict verdict_by_points = Verdict::kLossless;
  std::optional<Verdict> verdict_by_interval;  // nullopt without an interval
};
CompositeDifference compose_differences(const std::vector<ComparedPart>& parts);

}  // namespace qreason
