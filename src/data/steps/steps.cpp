#include "data/steps/steps.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <unordered_set>

#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "data/steps/draft.h"

namespace qreason {
namespace {

constexpr std::array kTiers{StepsTier{"easy", 2, 3}, StepsTier{"medium", 4, 7}, StepsTier{"hard", 8, 12}};

struct Kind {
  std::string_view name;
  Draft (*draft)(PythonRandom& random, int steps);
};
constexpr std::array kKinds{
    Kind{"arithmetic", draft_arithmetic},     Kind{"multiplication", draft_multiplication},
    Kind{"equation", draft_equation},         Kind{"remainder", draft_remainder},
    Kind{"instructions", draft_instructions}, Kind{"ordering", draft_ordering},
};

constexpr std::uint64_t kOneTestProblemIn = 8;
constexpr int kMostTries = 100000;  // for one problem of a tier, before the tier counts as exhausted

StepsSplit split_of(const std::string& key) {
  return stable_hash(key) % kOneTestProblemIn == 0 ? StepsSplit::kTest : StepsSplit::kTraining;
}

bool fits(const Draft& draft, const StepsTier& tier) {
  const int steps = draft.solution.steps();
  return draft.valid && steps >= tier.fewest_steps && steps <= tier.most_steps;
}

}  // namespace

std::span<const StepsTier> steps_tiers() {
  return kTiers;
}

const StepsTier& require_steps_tier(std::string_view name) {
  std::vector<std::string_view> known;
  for (const StepsTier& tier : kTiers) {
    if (tier.name == name) return tier;
    known.push_back(tier.name);
  }
  throw Error::usage("--tier", fmt::format("\"{}\"", name), fmt::format("one of {}", fmt::join(known, ", ")));
}

std::string steps_key(std::string_view kind, std::string_view canonical) {
  return fmt::format("{}:{}", kind, canonical);
}

std::vector<StepsProblem> generate_steps(const StepsTier& tier, StepsSplit split, std::int64_t count,
                                         std::uint64_t seed) {
  if (count < 1) throw Error::usage("--count", fmt::format("{}", count), "at least 1");
  PythonRandom random(stable_hash(fmt::format("steps-{}-{}-{}", tier.name, static_cast<int>(split), seed)));
  std::vector<StepsProblem> problems;
  std::unordered_set<std::string> seen;
  for (std::int64_t i = 0; i < count; ++i) {
    const Kind& kind = kKinds[static_cast<std::size_t>(i) % kKinds.size()];
    for (int tries = 1;; ++tries) {
      if (tries > kMostTries)
        throw Error::usage("--count", fmt::format("{}", count),
                           fmt::format("at most {} ({} has no more problems of kind {})", i, tier.name, kind.name));
      const int steps = static_cast<int>(random.randint(tier.fewest_steps, tier.most_steps));
      Draft draft = kind.draft(random, steps);
      if (!fits(draft, tier)) continue;
      const std::string key = steps_key(kind.name, draft.canonical);
      if (split_of(key) != split || !seen.insert(key).second) continue;
      std::string solution = draft.solution.text();
      solution.resize(solution.find_last_not_of('\n') + 1);
      problems.push_back({.id = fmt::format("steps-{}-{:04}", tier.name, i + 1),
                          .tier = std::string(tier.name),
                          .kind = std::string(kind.name),
                          .problem = std::move(draft.problem),
                          .answer = fmt::format("{}", draft.answer),
                          .solution = std::move(solution),
                          .steps = draft.solution.steps()});
      break;
    }
  }
  return problems;
}

std::string steps_json_line(const StepsProblem& problem) {
  return OrderedJson{{"id", problem.id},           {"tier", problem.tier},     {"kind", problem.kind},
                     {"problem", problem.problem}, {"answer", problem.answer}, {"solution", problem.solution}}
      .dump();
}

}  // namespace qreason
