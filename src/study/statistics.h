// The statistics of a study: one method over its seeds, and a method against the baseline on the same problems.
// y_ik is the grade of problem i with seed k, p_i its mean over the seeds present, n problems, S seeds. Proportions are
// fractions of 1. A value that is not defined is nullopt and prints as "-".
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "study/bootstrap.h"
#include "study/interval.h"
#include "study/seed_group.h"
#include "study/token_ratios.h"
#include "study/verdict.h"

namespace qreason {

struct Spread {  // over seeds
  double mean = 0;
  std::optional<double> std;  // ddof 1; nullopt for one seed
};
Spread spread(const std::vector<double>& per_seed);

struct GroupStatistics {
  std::vector<double> accuracy_per_seed;
  Spread accuracy;
  std::optional<double> clustered_se;      // sandwich over problems; nullopt for n = 1
  std::optional<Interval> clustered_ci95;  // mean +- t(0.975, n-1) SE, not clipped
  std::optional<Interval> report_ci95;     // what to print: clipped; exact zero-event bound where SE is 0
  std::optional<Spread> tokens;            // of the per-seed means; nullopt when not recorded
  Spread steps;
  std::optional<double> truncation_rate;  // over problems x seeds
  std::optional<double> accuracy_of_finished;
  double unfinished_rate = 0;          // of thoughts
  double unfinished_right_rate = 0;    // of answers found in such thoughts that are right: what the two ways to count
                                       // them (eval/graders/thinking.h) differ by
  std::optional<double> looping_rate;  // of answers that end in a loop; nullopt where it is not known of all
  // Of all answers, those that are wrong and right in their thought (eval/regrade.h); nullopt where it is not known of
  // all.
  std::optional<double> right_in_thought_rate;
  // Mean over problems of the ddof-1 variance of y_ik over seeds: what study/power.h needs. nullopt for one seed.
  std::optional<double> within_variance;
  // Share of problems whose grade differs between two seeds, mean over pairs of seeds: the flips that need no
  // quantization. nullopt for one seed.
  std::optional<double> seed_disagreement;
};
GroupStatistics describe(const SeedGroup& group);

// The exact two-sided McNemar test on discordant pairs (Fagerland, Lydersen, Laake 2013).
struct McNemar {
  std::uint64_t seed = 0;
  std::int64_t both_right = 0, right_to_wrong = 0, wrong_to_right = 0, both_wrong = 0;
  double p_exact = 1, p_mid = 1;
};
McNemar mcnemar_test(std::int64_t right_to_wrong, std::int64_t wrong_to_right);

struct Flips {
  std::int64_t right_to_wrong = 0, wrong_to_right = 0, pairs = 0;
};

struct PairStatistics {
  double difference = 0;  // variant - baseline, each over its own seeds
  std::optional<double> clustered_se;
  std::optional<Interval> clustered_ci95;
  std::optional<Interval> report_ci95;
  std::optional<double> p_t;
  std::vector<McNemar> mcnemar;            // per common seed
  std::optional<Flips> flips;              // sums over common seeds; nullopt without any
  double p_sign_flip = 1;                  // the main test (study/exact_tests.h)
  double p_stratified = 1;                 // "no problem changed" (the same)
  std::optional<double> recovery_percent;  // 100 variant / baseline
  TokenRatios tokens;
  Verdict verdict_by_points = Verdict::kLossless;
  std::optional<Verdict> verdict_by_interval;  // nullopt for n = 1
  std::optional<Bootstrap> bootstrap;          // of the difference, without resampling; nullopt for n = 1
  std::vector<std::int64_t> differences;       // d_i times `scale`, in the order of the ids
  std::int64_t scale = 1;                      // lcm(S_b, S_v)
};
// Error when the problem sets differ.
PairStatistics compare(const SeedGroup& baseline, const SeedGroup& variant);

}  // namespace qreason
