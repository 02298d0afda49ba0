// The statistics of a study: one method over its seeds, and a method against the baseline on the same problems.
// y_ik is the grade of problem i with seed k, p_i its mean over the seeds present, n problems, S seeds. Proportions are
// fractions of 1. A value that is not defined is nullopt and prints as "-".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qreason {

// Whether an answer's thought came to an end; where it did not, whether what is found in it is right.
enum class Thought : std::uint8_t { kEnded, kUnfinished, kUnfinishedRight };

// The answers of one run: one (model, method, task, seed). Columns of equal length.
struct Run {
  std::string name;  // for messages
  std::uint64_t seed = 0;
  std::vector<std::string> ids;                // problems, any order
  std::vector<int> grades;                     // 0 or 1
  std::vector<std::int64_t> tokens;            // output tokens; -1: not recorded
  std::vector<std::int64_t> steps;             // "\n\n"-separated pieces of the text
  std::vector<std::optional<bool>> truncated;  // finish reason "length"; nullopt: not recorded
  std::vector<Thought> thoughts = {};          // empty: all of them ended
};

// Runs of one method over seeds, aligned by problem id. Matrices are [seed][problem].
struct SeedGroup {
  std::vector<std::string> ids;  // sorted
  std::vector<std::uint64_t> seeds;
  std::vector<std::vector<int>> grades;
  std::vector<std::vector<std::int64_t>> tokens, steps;
  std::vector<std::vector<std::optional<bool>>> truncated;
  std::vector<std::vector<Thought>> thoughts;

  std::size_t problems() const { return ids.size(); }
};

// Errors name the run: ragged columns, no problem, a duplicate problem or seed, a grade other than 0 and 1, seeds with
// different problems.
SeedGroup group_runs(const std::vector<Run>& runs);

struct Interval {
  double low = 0, high = 0;
};

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
  double unfinished_rate = 0;        // of thoughts
  double unfinished_right_rate = 0;  // of answers found in such thoughts that are right: what the two ways to count
                                     // them (eval/graders/thinking.h) differ by
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
  double p_sign_flip = 1;                  // the main test: signs of the problems' differences exchanged, exactly
  std::optional<double> recovery_percent;  // 100 variant / baseline
  std::optional<double> token_ratio_of_means;
};
// Error when the problem sets differ.
PairStatistics compare(const SeedGroup& baseline, const SeedGroup& variant);

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
  std::optional<Interval> ci95;  // +- 1.96 SE, clipped
};
// nullopt when no seed is common to all parts.
std::optional<CompositeStatistics> compose(const std::vector<CompositePart>& parts);

}  // namespace qreason
