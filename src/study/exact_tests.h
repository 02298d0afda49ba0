// Exact permutation tests of a variant against the baseline on the same problems. Sums are integers, so ties are ties.
#pragma once

#include <cstdint>
#include <vector>

namespace qreason {

// "The mean over problems did not change": the sign of each problem's difference is flipped independently,
// P(|sum +-d_i| >= |sum d_i|) over all 2^n flips (Fisher's randomization test). `differences` in one unit (grades
// summed over seeds, times lcm(S_b, S_v) / S). With one seed each it equals the exact McNemar test.
double sign_flip_p(const std::vector<std::int64_t>& differences);

// "No problem's success rate changed": within each problem all grades of baseline and variant are exchangeable, the
// variant's number right is hypergeometric, T their sum, P(|T - ET| >= |t - ET|): the exact form of Cochran, Mantel,
// Haenszel (1959). Grades right over each one's own seeds, by problem.
double stratified_p(const std::vector<std::int64_t>& baseline_right, std::int64_t baseline_seeds,
                    const std::vector<std::int64_t>& variant_right, std::int64_t variant_seeds);

// One task of a weighted mean: its weight, and d_i of its problems times `scale`.
struct WeightedDifferences {
  double weight = 1;
  std::int64_t scale = 1;
  std::vector<std::int64_t> differences;
};
struct WeightedTest {
  double statistic = 0;  // sum of weight * mean of d_i
  double p = 1;
  bool exact = true;
};
// The sign flip for a weighted mean of tasks, signs flipped problem by problem. Exact where the weights put all tasks
// on one lattice of at most 2^22 steps; else the sums are rounded to one of 2^15 steps and p counts what rounding may
// have kept below the observed sum: an upper bound, too large by about 0.001.
WeightedTest weighted_sign_flip(const std::vector<WeightedDifferences>& tasks);

}  // namespace qreason
