#include "study/row_pairs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "study/multiple_testing.h"
#include "study/power.h"
#include "study/table.h"

namespace qreason {
namespace {

std::optional<std::int64_t> problems_to_find(const PairStatistics& pair) {
  if (pair.difference == 0 || !pair.clustered_se || *pair.clustered_se == 0) return std::nullopt;
  const double variance = *pair.clustered_se * *pair.clustered_se * static_cast<double>(pair.differences.size());
  return static_cast<std::int64_t>(std::ceil(clustered_problems(variance, std::abs(pair.difference), kPower)));
}

}  // namespace

std::vector<RowPair> compare_rows(const std::vector<const SeedGroup*>& groups,
                                  const std::vector<std::pair<std::size_t, std::size_t>>& pairs) {
  std::vector<RowPair> results;
  PValues p;
  for (const auto& [first, second] : pairs) {
    if (groups[first]->ids != groups[second]->ids) continue;
    RowPair pair{.first = first,
                 .second = second,
                 .statistics = compare(*groups[first], *groups[second]),
                 .p_holm = {},
                 .problems_to_find = {}};
    pair.problems_to_find = problems_to_find(pair.statistics);
    p.emplace_back(pair.statistics.p_sign_flip);
    results.push_back(std::move(pair));
  }
  const PValues adjusted = holm(p);
  for (std::size_t i = 0; i < results.size(); ++i) results[i].p_holm = adjusted[i];
  return results;
}

std::vector<RowPair> pairs_of_equal_size(const std::vector<SizedRow>& rows) {
  std::vector<std::size_t> by_size(rows.size());
  std::iota(by_size.begin(), by_size.end(), std::size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](std::size_t a, std::size_t b) { return rows[a].bytes < rows[b].bytes; });
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0; i < by_size.size(); ++i) {
    for (std::size_t j = i + 1; j < by_size.size(); ++j) {
      std::size_t smaller = by_size[i], larger = by_size[j];
      if (rows[larger].bytes > kEqualSize * rows[smaller].bytes) break;
      if (rows[smaller].origin == rows[larger].origin || rows[smaller].full_bytes == rows[larger].full_bytes) continue;
      if (rows[smaller].full_bytes > rows[larger].full_bytes) std::swap(smaller, larger);
      pairs.emplace_back(smaller, larger);
    }
  }
  std::vector<const SeedGroup*> groups;
  for (const SizedRow& row : rows) groups.push_back(row.group);
  return compare_rows(groups, pairs);
}

}  // namespace qreason
