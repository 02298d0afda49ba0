// Steps: a generated benchmark of multi-step problems with one whole number as answer, in plain English. A problem is a
// pure function of (tier, split, seed, index), so every list can be made again, on any machine.
//
// A reasoning step is one calculation, or one change of a list, or one choice of the next in an order. Tiers are ranges
// of that number. Every problem belongs to the training or to the test split by a hash of its numbers (not of its
// wording), so the two never share a problem, whatever the seeds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

enum class StepsSplit : std::uint8_t { kTraining, kTest };

struct StepsTier {
  std::string_view name;         // "easy"
  int fewest_steps, most_steps;  // both included
};
std::span<const StepsTier> steps_tiers();
// Error (usage) that lists the tiers.
const StepsTier& require_steps_tier(std::string_view name);

struct StepsProblem {
  std::string id;    // "steps-easy-0001"
  std::string tier;  // "easy"
  std::string kind;  // "arithmetic", "multiplication", "equation", "remainder", "instructions", "ordering"
  std::string problem;
  std::string answer;    // a whole number
  std::string solution;  // paragraphs, one idea each; some hold a check, or a slip that is noticed and mended
  int steps = 0;         // without the checks and the mended slips
};

// What the problem says without its wording; two problems with equal keys are the same.
std::string steps_key(std::string_view kind, std::string_view canonical);

// `count` different problems, the kinds in turn. Deterministic in all arguments. Error when `count` is below 1 or more
// than the tier holds of different problems.
std::vector<StepsProblem> generate_steps(const StepsTier& tier, StepsSplit split, std::int64_t count,
                                         std::uint64_t seed);

// The JSON line of a problem: id, tier, kind, problem, answer, solution.
std::string steps_json_line(const StepsProblem& problem);

}  // namespace qreason
