#include "cli/calibration_problems.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "cli/terminal.h"
#include "data/steps/steps.h"

namespace qreason {
namespace {

constexpr const char* kNumina = "NuminaMath-1.5";

Dataset steps_problems(std::int64_t count, std::uint64_t seed) {
  const auto tiers = steps_tiers();
  const auto a_tier = (count + static_cast<std::int64_t>(tiers.size()) - 1) / static_cast<std::int64_t>(tiers.size());
  std::vector<std::vector<StepsProblem>> by_tier;
  for (const StepsTier& tier : tiers) by_tier.push_back(generate_steps(tier, StepsSplit::kTraining, a_tier, seed));
  Dataset dataset{.name = fmt::format("steps training problems, seed {}", seed), .problems = {}, .source = {}};
  for (std::int64_t i = 0; i < count; ++i) {
    StepsProblem& next =
        by_tier[static_cast<std::size_t>(i) % tiers.size()][static_cast<std::size_t>(i) / tiers.size()];
    dataset.problems.push_back({.id = next.id, .question = next.problem, .gold = next.answer, .fields = {}});
  }
  return dataset;
}

// A file's columns are read as NuminaMath's: problem or question, and an answer that may be missing.
Dataset named_or_file(const std::string& source, std::int64_t count) {
  std::error_code failure;
  if (find_dataset(source) != nullptr || !std::filesystem::is_regular_file(source, failure))
    return load_first(source, std::nullopt, count);
  Dataset dataset = load_first(kNumina, source, count);
  dataset.name = std::filesystem::path(source).filename().string();
  return dataset;
}

}  // namespace

std::string default_calibration_problems(const std::string& model_name) {
  return model_name.starts_with("steps-") ? kStepsProblems : kNumina;
}

Dataset calibration_problems(const std::string& source, std::int64_t count, std::uint64_t seed) {
  constexpr std::int64_t kMost = 10'000'000;
  if (count < 1 || count > kMost)
    throw Error::usage("--count", fmt::format("{}", count), fmt::format("1 to {}", kMost));
  if (source == kStepsProblems) return steps_problems(count, seed);
  Dataset dataset = named_or_file(source, count);
  const auto available = static_cast<std::int64_t>(dataset.problems.size());
  if (available < count) log_line(fmt::format("note: {} holds {} problems, not {}", dataset.name, available, count));
  return dataset;
}

}  // namespace qreason
