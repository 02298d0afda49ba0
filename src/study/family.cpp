#include "study/family.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "eval/composite.h"
#include "study/multiple_testing.h"
#include "study/power.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

constexpr double kOnePoint = 0.01;

void adjust(const std::vector<TableCell*>& family) {
  PValues p;
  for (const TableCell* cell : family) {
    const auto comparison = comparison_of(*cell);
    p.push_back(comparison ? std::optional(comparison->p) : std::nullopt);
  }
  const PValues by_holm = holm(p), by_share = benjamini_hochberg(p);
  for (std::size_t i = 0; i < family.size(); ++i) {
    family[i]->p_holm = by_holm[i];
    family[i]->p_benjamini_hochberg = by_share[i];
  }
}

}  // namespace

void adjust_families(StudyTable& table) {
  std::map<std::pair<std::string, std::string>, std::vector<TableCell*>> families;  // by model, composite
  for (TableRow& row : table.rows)
    for (auto& [task, cell] : row.cells)
      families[{row.model, find_composite(task) != nullptr ? task : ""}].push_back(&cell);
  for (const auto& [name, family] : families) adjust(family);
}

void reckon_power(StudyTable& table) {
  for (const std::string& task : table.tasks) {
    std::vector<TaskPower> rows;
    for (const TableRow& row : table.rows) {
      const auto found = row.cells.find(task);
      if (found == row.cells.end() || !found->second.against_baseline) continue;
      const TableCell& cell = found->second;
      const double se = cell.against_baseline->clustered_se.value_or(0);
      const double variance = se * se * static_cast<double>(cell.problems);
      if (variance > 0)
        rows.push_back({.variance = variance,
                        .seeds = static_cast<std::int64_t>(cell.per_seed.size()),
                        .problems = cell.problems});
    }
    if (rows.empty()) continue;
    const auto middle = rows.begin() + static_cast<std::ptrdiff_t>((rows.size() - 1) / 2);
    std::nth_element(rows.begin(), middle, rows.end(),
                     [](const TaskPower& a, const TaskPower& b) { return a.variance < b.variance; });
    TaskPower power = *middle;
    power.needed = static_cast<std::int64_t>(std::ceil(clustered_problems(power.variance, kOnePoint, kPower)));
    power.detectable = 100 * minimum_detectable(power.variance, power.problems, kPower);
    table.power[task] = power;
  }
}

}  // namespace qreason
