#include "study/table_cells.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace qreason {
namespace {

template <class Holds>
bool any_cell(const StudyTable& table, const Holds& holds) {
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const TableRow& row) {
    return std::any_of(row.cells.begin(), row.cells.end(), [&](const auto& cell) { return holds(cell.second); });
  });
}

bool any_rate(const StudyTable& table, const std::string& task, std::optional<double> TableCell::*rate) {
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const TableRow& row) {
    const auto cell = row.cells.find(task);
    return cell != row.cells.end() && (cell->second.*rate).value_or(0) > 0;
  });
}

const AtK* find_k(const TableCell& cell, std::int64_t k) {
  const auto found = std::find_if(cell.at_k.begin(), cell.at_k.end(), [&](const AtK& one) { return one.k == k; });
  return found == cell.at_k.end() ? nullptr : &*found;
}

std::optional<Interval> in_percent(const std::optional<Interval>& interval) {
  if (!interval) return std::nullopt;
  return Interval{100 * interval->low, 100 * interval->high};
}

}  // namespace

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

std::optional<Comparison> comparison_of(const TableCell& cell) {
  if (cell.against_baseline) {
    const PairStatistics& pair = *cell.against_baseline;
    return Comparison{pair.difference,        pair.report_ci95,         pair.p_sign_flip,
                      pair.verdict_by_points, pair.verdict_by_interval, pair.recovery_percent};
  }
  if (!cell.weighted) return std::nullopt;
  const CompositeDifference& weighted = *cell.weighted;
  return Comparison{weighted.difference,          weighted.ci95,
                    weighted.sign_flip.p,         weighted.verdict_by_points,
                    weighted.verdict_by_interval, cell.weighted_recovery};
}

bool any_compared(const StudyTable& table) {
  return any_cell(table, [](const TableCell& cell) { return comparison_of(cell).has_value(); });
}

std::string difference_text(const TableCell& cell) {
  if (const auto comparison = comparison_of(cell)) return number_text(100 * comparison->difference, 1);
  return cell.not_compared.empty() ? kMissingCell : cell.not_compared;
}

std::string verdict_text(const TableCell& cell) {
  const auto comparison = comparison_of(cell);
  if (!comparison) return kMissingCell;
  const std::string_view points = name_of(comparison->by_points);
  if (!comparison->by_interval) return fmt::format("{} ({})", kMissingCell, points);
  const std::string_view interval = name_of(*comparison->by_interval);
  return points == interval ? std::string(points) : fmt::format("{} ({})", interval, points);
}

std::string token_ratio_text(const TableCell& cell, std::string_view plus_minus) {
  if (!cell.against_baseline || !cell.against_baseline->tokens.of_means) return kMissingCell;
  const TokenRatios& tokens = cell.against_baseline->tokens;
  std::string text = number_text(tokens.of_means, 2);
  if (tokens.of_means_se) text += fmt::format(" {} {}", plus_minus, number_text(tokens.of_means_se, 2));
  return text;
}

std::string power_text(const StudyTable& table, const std::string& task) {
  const auto found = table.power.find(task);
  if (found == table.power.end()) return "";
  const TaskPower& power = found->second;
  const std::string these = power.detectable > 100 ? "no difference" : number_text(power.detectable, 1) + " points";
  return fmt::format("To resolve 1 point here with {:.0f} % power: {} problems x {} seed{}; these {} resolve {}.",
                     100 * kPower, power.needed, power.seeds, power.seeds == 1 ? "" : "s", power.problems, these);
}

bool has_published(const StudyTable& table) {
  return any_cell(table, [](const TableCell& cell) { return cell.published.has_value(); });
}

bool has_loops(const StudyTable& table, const std::string& task) {
  return any_rate(table, task, &TableCell::looping_rate);
}

bool has_right_in_thought(const StudyTable& table, const std::string& task) {
  return any_rate(table, task, &TableCell::right_in_thought_rate);
}

std::string published_text(const TableCell& cell, std::string_view plus_minus) {
  if (!cell.published) return kMissingCell;
  const auto& [published, difference] = *cell.published;
  std::string text = number_text(published.mean, 1);
  if (published.std) text += fmt::format(" {} {}", plus_minus, number_text(published.std, 1));
  if (!difference.standard_errors) return text;
  return fmt::format("{} ({}{} SE)", text, *difference.standard_errors > 0 ? "+" : "",
                     number_text(difference.standard_errors, 1));
}

bool has_unfinished(const StudyTable& table, const std::string& task) {
  return any_rate(table, task, &TableCell::unfinished_rate);
}

std::optional<AtKCell> pass_cell(const TableCell& cell, std::int64_t k) {
  const AtK* found = find_k(cell, k);
  if (found == nullptr) return std::nullopt;
  return AtKCell{100 * found->pass, in_percent(found->pass_ci95)};
}

std::optional<AtKCell> majority_cell(const TableCell& cell, std::int64_t k) {
  const AtK* found = find_k(cell, k);
  if (found == nullptr || !found->majority) return std::nullopt;
  return AtKCell{100 * *found->majority, in_percent(found->majority_ci95)};
}

std::optional<AtKCell> gain_cell(const TableCell& cell, std::int64_t k) {
  const AtK* found = find_k(cell, k);
  if (found == nullptr || !found->gain) return std::nullopt;
  return AtKCell{100 * *found->gain, in_percent(found->gain_ci95)};
}

std::vector<AtKColumn> at_k_columns(const StudyTable& table) {
  std::vector<AtKColumn> columns;
  for (const std::int64_t k : table.at_k) columns.push_back({fmt::format("pass@{}", k), k, pass_cell});
  for (const std::int64_t k : table.at_k) {
    if (k == 1) continue;
    columns.push_back({fmt::format("maj@{}", k), k, majority_cell});
    columns.push_back({fmt::format("gain@{}", k), k, gain_cell});
  }
  return columns;
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
  const bool any_loops = std::any_of(table.tasks.begin(), table.tasks.end(),
                                     [&](const std::string& task) { return has_loops(table, task); });
  std::string loops = any_loops ? " looping: answers that end in one text again and again." : "";
  if (std::any_of(table.tasks.begin(), table.tasks.end(),
                  [&](const std::string& task) { return has_right_in_thought(table, task); }))
    loops += " in thought: answers that are wrong and right in their thought.";
  return fmt::format(
      "Against {}, on the same problems: difference in points; answers that became worse (right to wrong) and better, "
      "over all seeds; p: exact sign-flip test over problems, all seeds together; Holm: the same, adjusted for all "
      "methods and tasks of the model; McNemar p: exact, seed by seed; verdict: lossless within 1 point, fair within "
      "3, "
      "else risky, by the interval (and by the difference alone, where that says another); recovery: share of the "
      "accuracy; x tokens: ratio of output tokens and its standard error.{}{}",
      table.baseline.empty() ? "the unquantized model" : table.baseline, thoughts, loops);
}

}  // namespace qreason
