// Answers that turned wrong and right: two methods of equal accuracy may still disagree with the baseline very
// differently.
#include <fmt/format.h>

#include <algorithm>

#include "report/plot.h"
#include "report/row_plot.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

struct Line {
  const ReportRow* row = nullptr;
  Flips flips;
  double worse() const { return percent(flips.right_to_wrong); }
  double better() const { return percent(flips.wrong_to_right); }
  double percent(std::int64_t count) const {
    return 100 * static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(1, flips.pairs));
  }
};

std::string draw(const std::vector<Line>& lines, const Layout& layout, std::string_view label) {
  double worse = 1, better = 1;
  std::vector<PlotLine> texts;
  for (const Line& line : lines) {
    worse = std::max(worse, line.worse());
    better = std::max(better, line.better());
    texts.push_back(
        {line.row->table->method, fmt::format("{} / {}", line.flips.right_to_wrong, line.flips.wrong_to_right)});
  }
  RowPlot plot(texts, rounded_scale(ScaleKind::kLinear, -worse, better, 8), layout, label,
               layout.narrow ? "answers (%): became wrong | right"
                             : "answers (%): became wrong to the left, became right to the right",
               TickSigns::kHidden);
  Svg& svg = plot.svg();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const double top = plot.y(i) - 5, zero = plot.x(0);
    const std::string& name = texts[i].name;
    svg.rect({plot.x(-lines[i].worse()), top}, zero - plot.x(-lines[i].worse()), 10, "fill-worse",
             fmt::format("{}: {} of {} became wrong", name, lines[i].flips.right_to_wrong, lines[i].flips.pairs));
    svg.rect({zero, top}, plot.x(lines[i].better()) - zero, 10, "fill-better",
             fmt::format("{}: {} of {} became right", name, lines[i].flips.wrong_to_right, lines[i].flips.pairs));
  }
  svg.line({plot.x(0), plot.frame().top}, {plot.x(0), plot.frame().bottom}, "baseline");
  return std::move(svg).finish();
}

HtmlTable numbers_of(const std::vector<Line>& lines, const std::string& title) {
  HtmlTable table{.caption = title + ": numbers",
                  .columns = {{"Method", HtmlColumn::Kind::kText},
                              {"answers"},
                              {"became wrong"},
                              {"became right"},
                              {"became wrong (%)"},
                              {"became right (%)"}},
                  .rows = {}};
  for (const Line& line : lines)
    table.rows.push_back({{line.row->table->method},
                          number_cell(static_cast<double>(line.flips.pairs), 0),
                          number_cell(static_cast<double>(line.flips.right_to_wrong), 0),
                          number_cell(static_cast<double>(line.flips.wrong_to_right), 0),
                          number_cell(line.worse(), 1),
                          number_cell(line.better(), 1)});
  return table;
}

}  // namespace

std::vector<Figure> flip_figures(const ReportData& data) {
  std::vector<Figure> figures;
  for (const std::string& model : data.models) {
    for (const std::string& task : tasks_by_weight(data)) {
      std::vector<Line> lines;
      for (const ReportRow& row : data.rows) {
        const TableCell* cell = cell_of(row, task);
        if (row.table->model == model && cell != nullptr && cell->against_baseline && cell->against_baseline->flips)
          lines.push_back({&row, *cell->against_baseline->flips});
      }
      if (lines.empty()) continue;
      const std::string title = fmt::format("{}, {}: answers that flipped, over all seeds", model, task);
      figures.push_back(figure_of_content({{"model", model}, {"task", task}}, title, lines, draw, numbers_of));
    }
  }
  return figures;
}

}  // namespace qreason
