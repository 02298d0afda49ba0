#include "study/integer_distribution.h"

#include <algorithm>
#include <functional>

namespace qreason {
namespace {

constexpr double kNoMatter = 1e-25;

IntegerDistribution power(const IntegerDistribution& one, std::int64_t times,
                          const std::function<IntegerDistribution(IntegerDistribution)>& kept) {
  IntegerDistribution result;
  IntegerDistribution square = one;
  for (std::int64_t left = times; left > 0; left /= 2) {
    if (left % 2 == 1) result = kept(convolved(result, square));
    if (left > 1) square = kept(convolved(square, square));
  }
  return result;
}

}  // namespace

double IntegerDistribution::of(std::int64_t value) const {
  return value < first || value > last() ? 0 : probabilities[static_cast<std::size_t>(value - first)];
}

IntegerDistribution distribution_of(const std::map<std::int64_t, double>& probabilities) {
  IntegerDistribution result{.first = probabilities.begin()->first, .probabilities = {}};
  result.probabilities.assign(static_cast<std::size_t>(probabilities.rbegin()->first - result.first) + 1, 0.0);
  for (const auto& [value, probability] : probabilities)
    result.probabilities[static_cast<std::size_t>(value - result.first)] = probability;
  return result;
}

IntegerDistribution convolved(const IntegerDistribution& a, const IntegerDistribution& b) {
  IntegerDistribution sum{.first = a.first + b.first, .probabilities = {}};
  sum.probabilities.assign(a.probabilities.size() + b.probabilities.size() - 1, 0.0);
  const IntegerDistribution& outer = a.probabilities.size() < b.probabilities.size() ? a : b;
  const IntegerDistribution& inner = &outer == &a ? b : a;
  for (std::size_t i = 0; i < outer.probabilities.size(); ++i) {
    const double weight = outer.probabilities[i];
    if (weight == 0) continue;
    double* to = sum.probabilities.data() + i;
    for (std::size_t j = 0; j < inner.probabilities.size(); ++j) to[j] += weight * inner.probabilities[j];
  }
  return sum;
}

IntegerDistribution convolved_power(const IntegerDistribution& one, std::int64_t times) {
  return power(one, times, [](IntegerDistribution all) { return all; });
}

IntegerDistribution without_ends(IntegerDistribution distribution) {
  auto& all = distribution.probabilities;
  const auto matters = [](double probability) { return probability >= kNoMatter; };
  const auto begin = std::find_if(all.begin(), all.end(), matters);
  const auto end = std::find_if(all.rbegin(), std::make_reverse_iterator(begin), matters).base();
  if (begin >= end) return distribution;
  distribution.first += begin - all.begin();
  all = std::vector<double>(begin, end);
  return distribution;
}

IntegerDistribution convolved_power_without_ends(const IntegerDistribution& one, std::int64_t times) {
  return power(one, times, without_ends);
}

}  // namespace qreason
