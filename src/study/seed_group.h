// The answers of runs, and runs of one method over its seeds, aligned by problem: what every statistic is made from.
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
  std::vector<bool> looping = {};              // whether the text ends in a loop (study/looping.h); empty: not known
  // Whether a wrong answer stands right in its thought, which came to an end (eval/regrade.h); empty: not known.
  std::vector<bool> in_thought = {};
  std::vector<std::string> answers = {};  // as found in the texts, empty where there is none; no row: not known
};

// Runs of one method over seeds, aligned by problem id. Matrices are [seed][problem].
struct SeedGroup {
  std::vector<std::string> ids;  // sorted
  std::vector<std::uint64_t> seeds;
  std::vector<std::vector<int>> grades;
  std::vector<std::vector<std::int64_t>> tokens, steps;
  std::vector<std::vector<std::optional<bool>>> truncated;
  std::vector<std::vector<Thought>> thoughts;
  std::vector<std::vector<bool>> looping = {};         // a row is empty where it is not known
  std::vector<std::vector<bool>> in_thought = {};      // the same
  std::vector<std::vector<std::string>> answers = {};  // the same
  // Which answers of a problem are one, over all seeds (study/at_k.h); empty where they were not compared.
  std::vector<std::vector<int>> candidates = {};

  std::size_t problems() const { return ids.size(); }
};

// Errors name the run: ragged columns, no problem, a duplicate problem or seed, a grade other than 0 and 1, seeds with
// different problems.
SeedGroup group_runs(const std::vector<Run>& runs);

// An id of `from` that `in` lacks; empty where there is none. Both sorted.
std::string missing_problem(const std::vector<std::string>& from, const std::vector<std::string>& in);

// Right answers over the group's seeds, by problem: integers, so that equal problems differ by exactly nothing.
std::vector<std::int64_t> right_per_problem(const SeedGroup& group);

// The seeds that all groups have, in the order of the first one's.
std::vector<std::uint64_t> common_seeds(const std::vector<const SeedGroup*>& groups);

// Whether all lengths of a matrix of a group were recorded.
bool all_recorded(const std::vector<std::vector<std::int64_t>>& values);

}  // namespace qreason
