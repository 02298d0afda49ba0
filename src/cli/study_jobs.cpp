#include "cli/study_jobs.h"

#include <algorithm>

namespace qreason {
namespace {

constexpr std::uint64_t kSmallModel = std::uint64_t{256} << 20;  // bytes
constexpr std::uint64_t kJobBase = std::uint64_t{1} << 30;       // activations and cache of such a model
constexpr std::uint64_t kJobModels = 6;                          // times the files: two in float32, two packed

}  // namespace

int side_by_side_jobs(const JobLimits& limits) {
  if (limits.model_bytes > kSmallModel) return 1;
  const std::uint64_t fitting = limits.memory / (kJobBase + kJobModels * limits.model_bytes);
  return static_cast<int>(std::clamp<std::uint64_t>(fitting, 1, static_cast<std::uint64_t>(limits.threads)));
}

}  // namespace qreason
