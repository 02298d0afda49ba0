#include "study/published.h"

#include <cmath>

#include "study/distributions.h"

namespace qreason {

PublishedDifference compare_published(const SeedMean& ours, const SeedMean& published) {
  PublishedDifference result{.difference = ours.mean - published.mean};
  if (!published.std) return result;
  const double own = ours.std.value_or(*published.std);
  const auto seeds = static_cast<double>(ours.seeds), published_seeds = static_cast<double>(published.seeds);
  const double a = own * own / seeds, b = *published.std * *published.std / published_seeds;
  if (a + b == 0) return result;
  result.standard_errors = result.difference / std::sqrt(a + b);
  if (!ours.std || ours.seeds < 2 || published.seeds < 2) return result;
  result.degrees = (a + b) * (a + b) / (a * a / (seeds - 1) + b * b / (published_seeds - 1));
  result.p_welch = student_t_two_sided(*result.standard_errors, *result.degrees);
  return result;
}

}  // namespace qreason
