#include <array>

#include "report/plot.h"
#include "study/table_cells.h"

namespace qreason {

std::span<const Plot> plot_table() {
  static constexpr std::array kPlots{
      Plot{.id = "bits",
           .title = "Accuracy against bits",
           .how = "Each method at each of its bit widths, in the group of what it rounds. Bars are 95 % intervals; the "
                  "grey line and band are the unquantized model and its interval.",
           .figures = bits_figures},
      Plot{.id = "differences",
           .title = "What each method costs",
           .how = "The difference from the unquantized model on the same problems, with its 95 % interval. An interval "
                  "that holds zero (hollow mark) is no evidence of a loss, and no evidence that there is none. The "
                  "dashed lines are one and three points of loss.",
           .figures = forest_figures},
  };
  return kPlots;
}

const TableCell* cell_of(const ReportRow& row, const std::string& task) {
  const auto found = row.table->cells.find(task);
  return found == row.table->cells.end() ? nullptr : &found->second;
}

std::string accuracy_tip(const ReportRow& row, const TableCell& cell) {
  std::string tip = row.table->method + ": " + number_text(cell.value.mean, 1) + " %";
  if (cell.ci95) tip += " (" + interval_text(cell.ci95, 1) + ")";
  return tip;
}

const ReportRow* baseline_of(const ReportData& data, const std::string& model) {
  for (const ReportRow& row : data.rows)
    if (row.table->model == model && row.table->compared_with) return data.find(*row.table->compared_with);
  for (const ReportRow& row : data.rows)
    if (row.table->model == model && row.family.empty()) return &row;
  return nullptr;
}

std::vector<std::string> tasks_by_weight(const ReportData& data) {
  std::vector<std::string> tasks{data.main_task()};
  for (const std::string& task : data.table.tasks)
    if (task != tasks.front()) tasks.push_back(task);
  return tasks;
}

LegendEntry family_entry(const ReportData& /*data*/, const ReportRow& row) {
  if (row.family.empty()) return {.name = "unquantized", .classes = "mark base", .mark = Mark::kCircle};
  return {.name = row.family, .classes = "mark " + series_colour(row.series), .mark = series_mark(row.series)};
}

LegendEntry model_entry(const ReportData& data, const ReportRow& row) {
  return {
      .name = data.models.at(row.model), .classes = "mark " + series_colour(row.model), .mark = series_mark(row.model)};
}

}  // namespace qreason
