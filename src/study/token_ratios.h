// How much longer the variant's answers are: the inflation of chains of thought, as ratios of output tokens of the
// variant to those of the baseline on the same problems. t_i is the mean over a group's own seeds.
#pragma once

#include <optional>

#include "study/seed_group.h"

namespace qreason {

struct TokenRatios {
  std::optional<double> of_means;        // R, the one to report: mean t_v / mean t_b; 1.2 is a fifth longer
  std::optional<double> of_means_se;     // by the delta method: std(t_v,i - R t_b,i, ddof 1) / (sqrt(n) mean t_b)
  std::optional<double> mean_of_ratios;  // over problems
  // Only of (problem, common seed) where both are right, which takes out the length of failures.
  std::optional<double> of_means_both_right;
};

// All nullopt where a group's tokens were not recorded. The groups have the same problems.
TokenRatios token_ratios(const SeedGroup& baseline, const SeedGroup& variant);

// Output tokens by problem, summed over the seeds, times `scale`.
std::vector<std::int64_t> tokens_per_problem(const SeedGroup& group, std::int64_t scale);

}  // namespace qreason
