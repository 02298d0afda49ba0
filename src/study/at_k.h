// What several answers to a problem are worth: pass@k, where it is enough that one is right (Chen et al. 2021, arXiv
// 2107.03374, equation 1), and maj@k, where the most frequent one is given (self-consistency: Wang et al. 2022, arXiv
// 2203.11171). The answers are those of a group's seeds; of n of them k are drawn without replacement, and both are the
// expectations over all C(n, k) draws, in closed form: nothing is resampled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eval/graders/grade.h"
#include "study/composite_statistics.h"
#include "study/interval.h"
#include "study/seed_group.h"

namespace qreason {

// 1 - C(n - right, k) / C(n, k). Error unless 0 <= right <= n and 1 <= k <= n.
double pass_at_k(std::int64_t n, std::int64_t right, std::int64_t k);

// Which of a problem's answers are one: numbers from 0 in the order of the answers, each joining the first one that it
// is the same as; -1 for an empty answer, which has no vote.
inline constexpr int kNoAnswer = -1;
std::vector<int> candidates_of(const std::vector<std::string>& answers, const SameAnswer& same);

// The chance that the candidate with most votes among k drawn answers is right: of several with as many, one is taken
// at random; where nobody votes, nothing is right. A candidate whose answers were not all graded alike is right as
// often as they are. Error unless the columns are of one length n and 1 <= k <= n.
double majority_at_k(const std::vector<int>& candidates, const std::vector<int>& grades, std::int64_t k);

// Means over problems with the BCa interval of the bootstrap over problems (study/bootstrap.h): without resampling
// where the values lie on a lattice of at most 60 steps. Where nothing varies, the bound for zero events. Fractions
// of 1.
struct AtK {
  std::int64_t k = 1;
  double pass = 0;
  std::optional<Interval> pass_ci95 = {};  // nullopt for one problem
  // nullopt where not all answers are known (SeedGroup::candidates): programs have none that could be counted.
  std::optional<double> majority = {};
  std::optional<Interval> majority_ci95 = {};
  // maj@k less pass@1, problem by problem: what k times the tokens gain; nullopt for one answer.
  std::optional<double> gain = {};
  std::optional<Interval> gain_ci95 = {};
};
// Of those `ks` that the group has as many seeds for.
std::vector<AtK> at_k(const SeedGroup& group, const std::vector<std::int64_t>& ks);

// Of a mean of tasks whose problems do not weigh the same (Avg.), over the seeds that all of them have: the tasks'
// values by their weights, with normal intervals of the tasks' standard errors as accuracies have them
// (study/composite_statistics.h), clipped; nullopt where a task has one problem. Where nothing varies in any task, the
// weighted bounds for zero events.
std::vector<AtK> compose_at_k(const std::vector<CompositePart>& parts, const std::vector<std::int64_t>& ks);

}  // namespace qreason
