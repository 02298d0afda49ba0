// Differences from the unquantized model with their intervals, one line a method.
#include <fmt/format.h>

#include <algorithm>

#include "report/plot.h"
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
  constexpr double kTop = 10, kFoot = 46;
  const double row_height = layout.narrow ? 34 : 22;
  double names = 0;
  for (const Line& line : lines) names = std::max(names, text_width(line.row->table->method));
  names = std::min(names + 14, 220.0);
  Frame frame{.left = layout.narrow ? 10 : names,
              .top = kTop,
              .right = layout.width - (layout.narrow ? 10 : 160),
              .bottom = kTop + row_height * static_cast<double>(lines.size())};
  Svg svg(layout.width, frame.bottom + kFoot, label);
  const Scale scale = across(scale_of(lines), frame);
  draw_x_axis(svg, frame, scale, layout.narrow ? 5 : 8, "difference (percentage points)");
  for (const double mark : {-1.0, -3.0}) svg.line({scale.at(mark), frame.top}, {scale.at(mark), frame.bottom}, "bound");
  svg.line({scale.at(0), frame.top}, {scale.at(0), frame.bottom}, "baseline");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& [row, pair] = lines[i];
    const double top = frame.top + row_height * static_cast<double>(i);
    const double y = top + (layout.narrow ? row_height - 9 : row_height / 2);
    const std::string& method = row->table->method;
    const std::string numbers = difference_and_interval(pair);
    if (layout.narrow) {
      svg.text({frame.left, top + 13}, fitted(method, frame.width() - text_width(numbers) - 8), Anchor::kStart);
      svg.text({frame.right, top + 13}, numbers, Anchor::kEnd, "tick");
    } else {
      svg.text({frame.left - 10, y + 4}, fitted(method, names - 10), Anchor::kEnd);
      svg.text({layout.width - 4, y + 4}, numbers, Anchor::kEnd, "tick");
    }
    const std::string colour = series_colour(row->series);
    if (pair.ci95) svg.line({scale.at(100 * pair.ci95->low), y}, {scale.at(100 * pair.ci95->high), y}, "bar " + colour);
    svg.mark(series_mark(row->series), {scale.at(100 * pair.difference), y}, 4.5,
             (holds_zero(pair) ? "hollow " : "mark ") + colour, fmt::format("{}: {}", method, numbers));
  }
  return std::move(svg).finish();
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
      figures.push_back({.choice = {{"model", model}, {"task", task}},
                         .title = title,
                         .wide = draw(lines, kWide, title),
                         .narrow = draw(lines, kNarrow, title),
                         .legend = {},
                         .note = {},
                         .numbers = numbers_of(lines, title)});
    }
  }
  return figures;
}

}  // namespace qreason
