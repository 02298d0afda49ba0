#include "study/table_cells.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace qreason {

std::string number_text(double value, int decimals) {
  // "-0.0" says nothing.
  const double scale = std::pow(10.0, decimals);
  return fmt::format("{:.{}f}", std::round(value * scale) == 0 ? 0.0 : value, decimals);
}

std::string number_text(const std::optional<double>& value, int decimals) {
  return value ? number_text(*value, decimals) : kMissingCell;
}

std::string p_text(double p) {
  return p < 0.001 ? "<0.001" : fmt::format("{:.3f}", p);
}

std::string interval_text(const std::optional<Interval>& interval, double scale) {
  if (!interval) return kMissingCell;
  return fmt::format("{} to {}", number_text(scale * interval->low, 1), number_text(scale * interval->high, 1));
}

std::string percent_text(const std::optional<double>& fraction) {
  return fraction ? number_text(100 * *fraction, 1) + " %" : kMissingCell;
}

int decimals_of(Metric metric) {
  return metric == Metric::kTokens ? 0 : 1;
}

std::string main_cell(const StudyTable& table, const TableCell& cell, std::string_view plus_minus) {
  std::string text = number_text(cell.value.mean, decimals_of(table.metric));
  if (cell.value.std)
    text += fmt::format(" {} {}", plus_minus, number_text(*cell.value.std, decimals_of(table.metric)));
  if (cell.per_seed.size() < table.seeds.size())
    text += fmt::format(" ({}/{} seeds)", cell.per_seed.size(), table.seeds.size());
  return text;
}

std::string title_of(Metric metric) {
  switch (metric) {
    case Metric::kAccuracy:
      return "Accuracy (%)";
    case Metric::kSteps:
      return "Reasoning steps";
    case Metric::kTokens:
      return "Output tokens";
  }
  return "";
}

std::string spread_title(const StudyTable& table) {
  return fmt::format("mean ± standard deviation over {} seed{} ({})", table.seeds.size(),
                     table.seeds.size() == 1 ? "" : "s", fmt::join(table.seeds, ", "));
}

std::string problems_text(const StudyTable& table, const std::string& task) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max(), most = 0;
  for (const TableRow& row : table.rows) {
    const auto cell = row.cells.find(task);
    if (cell == row.cells.end()) continue;
    least = std::min(least, cell->second.problems);
    most = std::max(most, cell->second.problems);
  }
  return least < most ? fmt::format("{} to {} problems", least, most) : fmt::format("{} problems", most);
}

std::string difference_text(const TableCell& cell) {
  if (cell.against_baseline) return number_text(100 * cell.against_baseline->difference, 1);
  return cell.not_compared.empty() ? kMissingCell : cell.not_compared;
}

bool has_unfinished(const StudyTable& table, const std::string& task) {
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const TableRow& row) {
    const auto cell = row.cells.find(task);
    return cell != row.cells.end() && cell->second.unfinished_rate.value_or(0) > 0;
  });
}

std::optional<double> other_count(const StudyTable& table, const TableCell& cell) {
  return table.unfinished == UnfinishedThoughts::kAsTheyStand ? cell.finished_only : cell.as_they_stand;
}

std::string other_count_title(const StudyTable& table) {
  return table.unfinished == UnfinishedThoughts::kAsTheyStand ? "finished only" : "as they stand";
}

std::string legend(const StudyTable& table) {
  const bool any = std::any_of(table.tasks.begin(), table.tasks.end(),
                               [&](const std::string& task) { return has_unfinished(table, task); });
  const std::string thoughts =
      any ? fmt::format(" unfinished: thoughts that do not come to an end, counted {}; {}: accuracy in the other way.",
                        table.unfinished == UnfinishedThoughts::kAsTheyStand ? "by what is found in them" : "as wrong",
                        other_count_title(table))
          : "";
  return fmt::format(
      "Against {}, on the same problems: difference in points; answers that became worse (right to wrong) and better, "
      "over all seeds; p: exact sign-flip test over problems, all seeds together; McNemar p: exact, seed by seed.{}",
      table.baseline.empty() ? "the unquantized model" : table.baseline, thoughts);
}

}  // namespace qreason
