#include <array>

#include "report/plot.h"
#include "study/table_cells.h"

namespace qreason {

namespace {

constexpr std::array kPlots{
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
    Plot{.id = "flips",
         .title = "Answers that flipped",
         .how = "Right answers that became wrong, and wrong ones that became right, of the same problems and seeds. "
                "Where both are many, a small difference in accuracy hides many changed answers.",
         .figures = flip_figures},
    Plot{.id = "cost",
         .title = "More bits, a larger model, or more tokens?",
         .how = "Accuracy against what an answer takes, all models together; hollow marks are unquantized. On the grey "
                "steps lie the rows that no other one beats for as much or less (estimates: see the intervals).",
         .figures = cost_figures},
    Plot{.id = "scaling",
         .title = "Scaling: size and bits",
         .how = "One family of methods over all models, from many bits to few; hollow marks are unquantized. Where one "
                "line lies above another at the same size, that model is worth its bits there (estimates: the pairs "
                "below are tested).",
         .figures = scaling_figures},
    Plot{.id = "equal-size",
         .title = "Scaling: models of equal size",
         .how = "A larger model with fewer bits against a smaller one with more, where their weights differ by at most "
                "10 %, on the same problems. To the right of zero the larger model with fewer bits is better; hollow "
                "marks: the 95 % interval holds zero.",
         .figures = equal_size_figures},
    Plot{.id = "thinking",
         .title = "Thinking longer: limits to thoughts",
         .how = "Thoughts that are closed after at most so many tokens, or made to go on (\"Wait\") until there are "
                "as many. Hollow "
                "marks think as long as they like; differences in the table are from them.",
         .figures = thinking_figures},
    Plot{.id = "several",
         .title = "Thinking longer: several answers",
         .how = "Of k answers with different seeds: pass@k, that one is right at least (hollow), and maj@k, that the "
                "most frequent one is right (filled). k answers take k times the tokens. Bars are 95 % intervals.",
         .figures = several_figures},
    Plot{.id = "heat",
         .title = "Where the loss is",
         .how = "Accuracy by task, and by level or kind within a task. The tint is the difference from the "
                "unquantized model: from 1, 3, 10 and 30 points.",
         .figures = heat_figures},
    Plot{.id = "radar",
         .title = "Profile of each method",
         .how = "Each method's accuracy in every task; the rim is 100 %, the inner ring 50 %, the grey area the "
                "unquantized model.",
         .figures = radar_figures},
    Plot{.id = "lengths",
         .title = "Length of answers",
         .how = "Boxes hold the middle half of the answers, lines 90 % of them; the upright line is the median, the "
                "dot the mean of right answers, the cross that of wrong ones.",
         .figures = length_figures},
    Plot{.id = "measures",
         .title = "What predicts the loss",
         .how = "Loss of accuracy against what can be measured without generating: divergence of the predictions from "
                "the unquantized model's, other first choices, perplexity.",
         .figures = measure_figures},
};

}  // namespace

std::span<const Plot> plot_table() {
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

void add_pair_cells(std::vector<HtmlCell>& cells, const RowPair& pair) {
  const auto& ci95 = pair.statistics.report_ci95;
  const std::string_view style = !ci95 ? "" : ci95->high < 0 ? "worse" : ci95->low > 0 ? "better" : "";
  cells.push_back({number_text(100 * pair.statistics.difference, 1), pair.statistics.difference, style});
  cells.push_back({interval_text(ci95, 100), ci95 ? std::optional(ci95->low) : std::nullopt});
  cells.push_back({p_text(pair.statistics.p_sign_flip), pair.statistics.p_sign_flip});
  cells.push_back(pair.p_holm ? HtmlCell{p_text(*pair.p_holm), pair.p_holm} : HtmlCell{kMissingCell});
  const auto& problems = pair.problems_to_find;
  cells.push_back(number_cell(problems ? std::optional(static_cast<double>(*problems)) : std::nullopt, 0));
}

LegendEntry family_entry(const ReportRow& row) {
  if (row.family.empty()) return {.name = "unquantized", .classes = "mark base", .mark = Mark::kCircle};
  return {.name = row.family, .classes = "mark " + series_colour(row.series), .mark = series_mark(row.series)};
}

LegendEntry model_entry(const ReportData& data, const ReportRow& row) {
  return {
      .name = data.models.at(row.model), .classes = "mark " + series_colour(row.model), .mark = series_mark(row.model)};
}

}  // namespace qreason
