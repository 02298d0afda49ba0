#include "study/token_ratios.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace qreason {
namespace {

double sum_of(const std::vector<std::int64_t>& values) {
  return static_cast<double>(std::accumulate(values.begin(), values.end(), std::int64_t{0}));
}

std::optional<double> both_right(const SeedGroup& baseline, const SeedGroup& variant) {
  std::int64_t base_tokens = 0, variant_tokens = 0;
  for (std::size_t b = 0; b < baseline.seeds.size(); ++b) {
    const auto found = std::find(variant.seeds.begin(), variant.seeds.end(), baseline.seeds[b]);
    if (found == variant.seeds.end()) continue;
    const auto v = static_cast<std::size_t>(found - variant.seeds.begin());
    for (std::size_t i = 0; i < baseline.problems(); ++i) {
      if (baseline.grades[b][i] != 1 || variant.grades[v][i] != 1) continue;
      base_tokens += baseline.tokens[b][i];
      variant_tokens += variant.tokens[v][i];
    }
  }
  if (base_tokens == 0) return std::nullopt;
  return static_cast<double>(variant_tokens) / static_cast<double>(base_tokens);
}

}  // namespace

std::vector<std::int64_t> tokens_per_problem(const SeedGroup& group, std::int64_t scale) {
  std::vector<std::int64_t> sums(group.problems(), 0);
  for (const auto& tokens : group.tokens)
    for (std::size_t i = 0; i < tokens.size(); ++i) sums[i] += scale * tokens[i];
  return sums;
}

TokenRatios token_ratios(const SeedGroup& baseline, const SeedGroup& variant) {
  TokenRatios result;
  if (!all_recorded(baseline.tokens) || !all_recorded(variant.tokens)) return result;
  result.of_means_both_right = both_right(baseline, variant);
  // In units of which both means are whole numbers, so that equal lengths have a standard error of exactly 0.
  const auto base_seeds = static_cast<std::int64_t>(baseline.seeds.size());
  const auto variant_seeds = static_cast<std::int64_t>(variant.seeds.size());
  const std::int64_t common = std::lcm(base_seeds, variant_seeds);
  const std::vector<std::int64_t> base = tokens_per_problem(baseline, common / base_seeds);
  const std::vector<std::int64_t> own = tokens_per_problem(variant, common / variant_seeds);
  const double base_sum = sum_of(base);
  if (base_sum == 0) return result;
  const double ratio = sum_of(own) / base_sum;
  result.of_means = ratio;
  double ratios = 0, squares = 0;
  bool defined = true;
  for (std::size_t i = 0; i < base.size(); ++i) {
    const auto b = static_cast<double>(base[i]), v = static_cast<double>(own[i]);
    defined = defined && base[i] > 0;
    if (defined) ratios += v / b;
    squares += (v - ratio * b) * (v - ratio * b);  // their mean is 0
  }
  const auto n = static_cast<double>(base.size());
  if (defined) result.mean_of_ratios = ratios / n;
  if (base.size() > 1) result.of_means_se = std::sqrt(squares / (n - 1)) / (std::sqrt(n) * base_sum / n);
  return result;
}

}  // namespace qreason
