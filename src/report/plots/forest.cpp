// Differences from the unquantized model with their intervals, one line a method.
#include <fmt/format.h>

#include <algorithm>

#include "report/plot.h"
#include "report/row_plot.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

struct Line {
  const ReportRow* row = nullptr;
  Comparison pair;
};

std::vector<Line> lines_of(const ReportData& data, const std::string& model, const std::string& task) {
  std::vector<Line> lines;
  for (const ReportRow& row : data.rows) {
    const TableCell* cell = cell_of(row, task);
    const auto comparison = cell != nullptr ? comparison_of(*cell) : std::nullopt;
    if (row.table->model == model && comparison) lines.push_back({&row, *comparison});
  }
  return lines;
}

bool holds_zero(const Comparison& pair) {
  return !pair.ci95 || (pair.ci95->low <= 0 && pair.ci95->high >= 0);
}

Scale scale_of(const std::vector<Line>& lines) {
  double low = -5, high = 3;
  for (const Line& line : lines) {
    low = std::min(low, 100 * (line.pair.ci95 ? line.pair.ci95->low : line.pair.difference));
    high = std::max(high, 100 * (line.pair.ci95 ? line.pair.ci95->high : line.pair.difference));
  }
  return rounded_scale(ScaleKind::kLinear, low, high, 8);
}

std::string difference_and_interval(const Comparison& pair) {
  return fmt::format("{} ({})", number_text(100 * pair.difference, 1), interval_text(pair.ci95, 100));
}

std::string draw(const std::vector<Line>& lines, const Layout& layout, std::string_view label) {
  std::vector<PlotLine> texts;
  for (const Line& line : lines) texts.push_back({line.row->table->method, difference_and_interval(line.pair)});
  RowPlot plot(texts, scale_of(lines), layout, label, "difference (percentage points)");
  const Frame& frame = plot.frame();
  for (const double mark : {-1.0, -3.0})
    plot.svg().line({plot.x(mark), frame.top}, {plot.x(mark), frame.bottom}, "bound");
  plot.svg().line({plot.x(0), frame.top}, {plot.x(0), frame.bottom}, "baseline");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& [row, pair] = lines[i];
    const std::string colour = series_colour(row->series);
    if (pair.ci95)
      plot.svg().line({plot.x(100 * pair.ci95->low), plot.y(i)}, {plot.x(100 * pair.ci95->high), plot.y(i)},
                      "bar " + colour);
    plot.svg().mark(series_mark(row->series), {plot.x(100 * pair.difference), plot.y(i)}, 4.5,
                    (holds_zero(pair) ? "hollow " : "mark ") + colour,
                    fmt::format("{}: {}", texts[i].name, texts[i].numbers));
  }
  return std::move(plot.svg()).finish();
}

HtmlTable numbers_of(const std::vector<Line>& lines, const std::string& title) {
  HtmlTable table{.caption = title + ": numbers",
                  .columns = {{"Method", HtmlColumn::Kind::kText}, {"difference (points)"}, {"from"}, {"to"}, {"p"}},
                  .rows = {}};
  for (const auto& [row, pair] : lines) {
    const auto& ci = pair.ci95;
    table.rows.push_back({{row->table->method},
                          number_cell(100 * pair.difference, 1),
                          number_cell(ci ? std::optional(100 * ci->low) : std::nullopt, 1),
                          number_cell(ci ? std::optional(100 * ci->high) : std::nullopt, 1),
                          {p_text(pair.p), pair.p}});
  }
  return table;
}

}  // namespace

std::vector<Figure> forest_figures(const ReportData& data) {
  std::vector<Figure> figures;
  for (const std::string& model : data.models) {
    for (const std::string& task : tasks_by_weight(data)) {
      const std::vector<Line> lines = lines_of(data, model, task);
      if (lines.empty()) continue;
      const ReportRow* base = data.find(*lines.front().row->table->compared_with);
      const std::string title = fmt::format("{}, {}: difference from {}", model, task, base->table->method);
      figures.push_back(figure_of_content({{"model", model}, {"task", task}}, title, lines, draw, numbers_of));
    }
  }
  return figures;
}

}  // namespace qreason
