// How long answers are: quantiles over problems and seeds, right and wrong ones.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "eval/composite.h"
#include "report/plot.h"
#include "report/row_plot.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

struct Lengths {
  const ReportRow* row = nullptr;
  std::vector<double> tokens;          // sorted
  std::optional<double> right, wrong;  // means
};

// Between two values by linear interpolation, as numpy.quantile.
double quantile_of(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// nullopt where a run does not record its tokens.
std::optional<Lengths> lengths_of(const ReportData& data, const ReportRow& row, const std::string& task) {
  Lengths result{.row = &row, .tokens = {}, .right = {}, .wrong = {}};
  double sums[2] = {0, 0}, counts[2] = {0, 0};
  for (const StudyRun& run : data.runs) {
    if (run.model != row.table->model || run.method != row.table->method || run.task != task) continue;
    for (std::size_t i = 0; i < run.run.tokens.size(); ++i) {
      if (run.run.tokens[i] < 0) return std::nullopt;
      const auto tokens = static_cast<double>(run.run.tokens[i]);
      result.tokens.push_back(tokens);
      sums[run.run.grades[i] == 1] += tokens;
      ++counts[run.run.grades[i] == 1];
    }
  }
  if (result.tokens.empty()) return std::nullopt;
  std::sort(result.tokens.begin(), result.tokens.end());
  if (counts[1] > 0) result.right = sums[1] / counts[1];
  if (counts[0] > 0) result.wrong = sums[0] / counts[0];
  return result;
}

std::string draw(const std::vector<Lengths>& lines, const Layout& layout, std::string_view label) {
  double most = 1;
  std::vector<PlotLine> texts;
  for (const Lengths& line : lines) {
    most = std::max({most, quantile_of(line.tokens, 0.95), line.right.value_or(0), line.wrong.value_or(0)});
    texts.push_back({line.row->table->method, "median " + number_text(quantile_of(line.tokens, 0.5), 0)});
  }
  RowPlot plot(texts, rounded_scale(ScaleKind::kLinear, 0, most, 6), layout, label, "output tokens");
  Svg& svg = plot.svg();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Lengths& line = lines[i];
    const auto x = [&](double q) { return plot.x(quantile_of(line.tokens, q)); };
    const double y = plot.y(i);
    const std::string colour = line.row->family.empty() ? "base" : series_colour(line.row->series);
    svg.line({x(0.05), y}, {x(0.95), y}, "bar " + colour);
    svg.rect(
        {x(0.25), y - 5}, std::max(1.0, x(0.75) - x(0.25)), 10, "box " + colour,
        fmt::format("{}: half of the answers take {} to {} tokens", texts[i].name,
                    number_text(quantile_of(line.tokens, 0.25), 0), number_text(quantile_of(line.tokens, 0.75), 0)));
    svg.line({x(0.5), y - 6}, {x(0.5), y + 6}, "median");
    if (line.right) svg.mark(Mark::kCircle, {plot.x(*line.right), y}, 3.2, "mark " + colour);
    if (line.wrong) svg.mark(Mark::kCross, {plot.x(*line.wrong), y}, 4, "mark " + colour);
  }
  return std::move(svg).finish();
}

HtmlTable numbers_of(const std::vector<Lengths>& lines, const std::string& title) {
  HtmlTable table{.caption = title + ": numbers",
                  .columns = {{"Method", HtmlColumn::Kind::kText},
                              {"answers"},
                              {"5 %"},
                              {"25 %"},
                              {"median"},
                              {"75 %"},
                              {"95 %"},
                              {"mean, right"},
                              {"mean, wrong"}},
                  .rows = {}};
  for (const Lengths& line : lines) {
    std::vector<HtmlCell> cells{{line.row->table->method}, number_cell(static_cast<double>(line.tokens.size()), 0)};
    for (const double q : {0.05, 0.25, 0.5, 0.75, 0.95}) cells.push_back(number_cell(quantile_of(line.tokens, q), 0));
    cells.push_back(number_cell(line.right, 0));
    cells.push_back(number_cell(line.wrong, 0));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace

std::vector<Figure> length_figures(const ReportData& data) {
  std::vector<Figure> figures;
  for (const std::string& model : data.models) {
    for (const std::string& task : data.table.tasks) {
      std::vector<Lengths> lines;
      for (const ReportRow& row : data.rows)
        if (row.table->model == model)
          if (auto line = lengths_of(data, row, task)) lines.push_back(*std::move(line));
      if (lines.empty()) continue;
      const std::string title = fmt::format("{}, {}: length of answers", model, task);
      figures.push_back(figure_of_content({{"model", model}, {"task", task}}, title, lines, draw, numbers_of));
    }
  }
  return figures;
}

}  // namespace qreason
