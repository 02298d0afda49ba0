#include "study/at_k.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "study/bootstrap.h"
#include "study/distributions.h"
#include "study/proportion_intervals.h"

namespace qreason {
namespace {

constexpr std::int64_t kMostSteps = 60;
constexpr std::int64_t kFineLattice = 1 << 20;
constexpr double kLevel = 0.975;

void require_draw(std::int64_t n, std::int64_t k) {
  if (k < 1 || k > n) throw Error("k answers", fmt::format("{} of {}", k, n), "from 1 to as many as there are");
}

// C(n, k); wide enough for thousands of answers.
long double choose(std::int64_t n, std::int64_t k) {
  if (k < 0 || k > n) return 0;
  long double ways = 1;
  for (std::int64_t i = 1; i <= std::min(k, n - k); ++i)
    ways = ways * static_cast<long double>(n - std::min(k, n - k) + i) / static_cast<long double>(i);
  return std::round(ways);
}

// Ways to draw answers of the candidates so far: [drawn][candidates that have as many votes as the winner].
class Draws {
 public:
  Draws(std::int64_t drawn, std::int64_t ties)
      : ways_(static_cast<std::size_t>(drawn) + 1, std::vector<long double>(static_cast<std::size_t>(ties) + 1, 0)) {
    ways_[0][0] = 1;
  }

  // Joined by `count` answers of which at most `most` are drawn; a draw of `tie` is one with the winner.
  void join(std::int64_t count, std::int64_t most, std::int64_t tie) {
    std::vector<std::vector<long double>> next(ways_.size(), std::vector<long double>(ways_[0].size(), 0));
    for (std::size_t drawn = 0; drawn < ways_.size(); ++drawn)
      for (std::size_t ties = 0; ties < ways_[0].size(); ++ties) {
        if (ways_[drawn][ties] == 0) continue;
        const auto room = static_cast<std::int64_t>(ways_.size() - drawn) - 1;
        for (std::int64_t own = 0; own <= std::min({most, count, room}); ++own) {
          const std::size_t at = ties + (own == tie ? 1 : 0);
          if (at < next[0].size())
            next[drawn + static_cast<std::size_t>(own)][at] += ways_[drawn][ties] * choose(count, own);
        }
      }
    ways_ = std::move(next);
  }

  // The winner is one of as many as tie with it.
  long double won() const {
    long double sum = 0;
    for (std::size_t ties = 0; ties < ways_[0].size(); ++ties)
      sum += ways_.back()[ties] / static_cast<long double>(ties + 1);
    return sum;
  }

 private:
  std::vector<std::vector<long double>> ways_;
};

// The draws of k in which this candidate is given, those of a tie by their share.
long double winning_draws(const std::map<int, std::int64_t>& votes, int winner, std::int64_t k) {
  long double sum = 0;
  const std::int64_t own = votes.at(winner);
  for (std::int64_t count = 1; count <= std::min(own, k); ++count) {
    Draws others(k - count, (k - count) / count);
    for (const auto& [candidate, answers] : votes) {
      if (candidate == winner) continue;
      const bool votes_count = candidate != kNoAnswer;
      others.join(answers, votes_count ? count : answers, votes_count ? count : -1);
    }
    sum += choose(own, count) * others.won();
  }
  return sum;
}

struct Estimate {
  double mean = 0;
  std::optional<Interval> ci95;
};

// The least number of steps to 1 that all values lie on; nullopt for more than kMostSteps.
std::optional<std::int64_t> steps_of(const std::vector<double>& values) {
  for (std::int64_t steps = 1; steps <= kMostSteps; ++steps)
    if (std::all_of(values.begin(), values.end(), [&](double value) {
          const double at = value * static_cast<double>(steps);
          return std::abs(at - std::round(at)) < 1e-9;
        }))
      return steps;
  return std::nullopt;
}

// `bounds`: what a value can be.
Estimate estimate_of(const std::vector<double>& values, const Interval& bounds) {
  const auto steps = steps_of(values);
  const std::int64_t scale = steps.value_or(kFineLattice);
  std::vector<std::int64_t> whole;
  double sum = 0;
  for (const double value : values) {
    whole.push_back(std::llround(value * static_cast<double>(scale)));
    sum += value;
  }
  Estimate result{.mean = sum / static_cast<double>(values.size()), .ci95 = {}};
  const auto bootstrap = steps
                             ? exact_bootstrap(whole, scale)
                             : resampled_bootstrap(whole, std::vector<std::int64_t>(whole.size(), scale), Resampling{});
  if (!bootstrap) return result;
  result.ci95 = bootstrap->bca;
  if (bootstrap->acceleration) return result;
  const double bound = zero_event_bound(static_cast<std::int64_t>(values.size()));
  result.ci95 = Interval{std::max(bounds.low, result.mean - bound), std::min(bounds.high, result.mean + bound)};
  return result;
}

bool all_known(const SeedGroup& group) {
  return !group.candidates.empty() && std::all_of(group.candidates.begin(), group.candidates.end(),
                                                  [&](const auto& row) { return row.size() == group.problems(); });
}

// One number a problem; no majority where votes are not known, and no gain of one answer.
struct ProblemValues {
  std::vector<double> pass, majority, gain;
};
using Column = std::vector<double> ProblemValues::*;

// Of the answers of these seeds.
ProblemValues values_of(const SeedGroup& group, const std::vector<std::uint64_t>& seeds, std::int64_t k) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < group.seeds.size(); ++row)
    if (std::find(seeds.begin(), seeds.end(), group.seeds[row]) != seeds.end()) rows.push_back(row);
  const auto n = static_cast<std::int64_t>(rows.size());
  const bool counted = all_known(group);
  ProblemValues values;
  for (std::size_t i = 0; i < group.problems(); ++i) {
    std::vector<int> candidates, grades;
    for (const std::size_t row : rows) {
      grades.push_back(group.grades[row][i]);
      if (counted) candidates.push_back(group.candidates[row][i]);
    }
    const std::int64_t right = std::count(grades.begin(), grades.end(), 1);
    values.pass.push_back(pass_at_k(n, right, k));
    if (!counted) continue;
    values.majority.push_back(majority_at_k(candidates, grades, k));
    if (k > 1) values.gain.push_back(values.majority.back() - pass_at_k(n, right, 1));
  }
  return values;
}

// The mean of tasks' means; their errors are independent, so that squares add up.
Estimate weighted_estimate(const std::vector<CompositePart>& parts, const std::vector<ProblemValues>& tasks,
                           Column column, const Interval& bounds) {
  Estimate result;
  double variance = 0, bound = 0;
  bool defined = true;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::vector<double>& values = tasks[i].*column;
    const Spread own = spread(values);
    const auto n = static_cast<double>(values.size());
    result.mean += parts[i].weight * own.mean;
    defined = defined && own.std.has_value();
    const double se = parts[i].weight * own.std.value_or(0) / std::sqrt(n);
    variance += se * se;
    bound += parts[i].weight * zero_event_bound(static_cast<std::int64_t>(values.size()));
  }
  if (!defined) return result;
  const double width = variance > 0 ? normal_quantile(kLevel) * std::sqrt(variance) : bound;
  result.ci95 = Interval{std::max(bounds.low, result.mean - width), std::min(bounds.high, result.mean + width)};
  return result;
}

// `estimate(column, bounds)`; majorities and gains where there are any.
AtK make_at_k(std::int64_t k, bool counted, const auto& estimate) {
  constexpr Interval kShare{0, 1}, kDifference{-1, 1};
  const Estimate passed = estimate(&ProblemValues::pass, kShare);
  AtK result{.k = k, .pass = passed.mean, .pass_ci95 = passed.ci95};
  if (!counted) return result;
  const Estimate given = estimate(&ProblemValues::majority, kShare);
  result.majority = given.mean;
  result.majority_ci95 = given.ci95;
  if (k == 1) return result;
  const Estimate gained = estimate(&ProblemValues::gain, kDifference);
  result.gain = gained.mean;
  result.gain_ci95 = gained.ci95;
  return result;
}

}  // namespace

double pass_at_k(std::int64_t n, std::int64_t right, std::int64_t k) {
  require_draw(n, k);
  if (right < 0 || right > n) throw Error("pass@k", fmt::format("{} right of {}", right, n), "0 to all of them");
  // A product of k factors at most 1: no C(n, k) has to fit into a number.
  double none = 1;
  for (std::int64_t i = 0; i < k; ++i)
    none *= static_cast<double>(std::max<std::int64_t>(0, n - right - i)) / static_cast<double>(n - i);
  return 1 - none;
}

std::vector<int> candidates_of(const std::vector<std::string>& answers, const SameAnswer& same) {
  std::vector<const std::string*> firsts;
  std::vector<int> candidates;
  for (const std::string& answer : answers) {
    if (answer.empty()) {
      candidates.push_back(kNoAnswer);
      continue;
    }
    const auto found = std::find_if(firsts.begin(), firsts.end(), [&](const std::string* first) {
      return *first == answer || same(*first, answer) || same(answer, *first);
    });
    candidates.push_back(static_cast<int>(found - firsts.begin()));
    if (found == firsts.end()) firsts.push_back(&answer);
  }
  return candidates;
}

double majority_at_k(const std::vector<int>& candidates, const std::vector<int>& grades, std::int64_t k) {
  const auto n = static_cast<std::int64_t>(candidates.size());
  if (candidates.size() != grades.size())
    throw Error("maj@k", fmt::format("{} answers and {} grades", candidates.size(), grades.size()), "as many of each");
  require_draw(n, k);
  std::map<int, std::int64_t> votes, right;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    ++votes[candidates[i]];
    right[candidates[i]] += grades[i];
  }
  long double sum = 0;
  for (const auto& [candidate, count] : right)
    if (candidate != kNoAnswer && count > 0)
      sum += winning_draws(votes, candidate, k) * static_cast<long double>(count) /
             static_cast<long double>(votes.at(candidate));
  return static_cast<double>(sum / choose(n, k));
}

std::vector<AtK> at_k(const SeedGroup& group, const std::vector<std::int64_t>& ks) {
  std::vector<AtK> results;
  for (const std::int64_t k : ks) {
    if (k > static_cast<std::int64_t>(group.seeds.size())) continue;
    const ProblemValues values = values_of(group, group.seeds, k);
    results.push_back(make_at_k(k, all_known(group), [&](Column column, const Interval& bounds) {
      return estimate_of(values.*column, bounds);
    }));
  }
  return results;
}

std::vector<AtK> compose_at_k(const std::vector<CompositePart>& parts, const std::vector<std::int64_t>& ks) {
  std::vector<const SeedGroup*> groups;
  for (const CompositePart& part : parts) groups.push_back(part.group);
  const std::vector<std::uint64_t> seeds = common_seeds(groups);
  const bool counted =
      std::all_of(groups.begin(), groups.end(), [](const SeedGroup* group) { return all_known(*group); });
  std::vector<AtK> results;
  for (const std::int64_t k : ks) {
    if (k > static_cast<std::int64_t>(seeds.size())) continue;
    std::vector<ProblemValues> tasks;
    for (const CompositePart& part : parts) tasks.push_back(values_of(*part.group, seeds, k));
    results.push_back(make_at_k(k, counted, [&](Column column, const Interval& bounds) {
      return weighted_estimate(parts, tasks, column, bounds);
    }));
  }
  return results;
}

}  // namespace qreason
