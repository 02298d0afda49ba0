// One small radar a method: its accuracy in every task over the baseline's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "eval/composite.h"
#include "report/plot.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

constexpr double kRadius = 52, kCellWidth = 168, kCellHeight = 178;

struct Spokes {
  Point middle;
  std::size_t count = 0;
  Point at(std::size_t spoke, double share) const {
    const double angle =
        2 * std::numbers::pi * static_cast<double>(spoke) / static_cast<double>(count) - std::numbers::pi / 2;
    return {middle.x + kRadius * share * std::cos(angle), middle.y + kRadius * share * std::sin(angle)};
  }
  std::vector<Point> ring(const std::vector<double>& shares) const {
    std::vector<Point> points;
    for (std::size_t i = 0; i < shares.size(); ++i) points.push_back(at(i, shares[i]));
    return points;
  }
};

// Shares of 100 %; empty where a task was not run.
std::vector<double> shares_of(const ReportRow& row, const std::vector<std::string>& tasks) {
  std::vector<double> shares;
  for (const std::string& task : tasks) {
    const TableCell* cell = cell_of(row, task);
    if (cell == nullptr) return {};
    shares.push_back(cell->value.mean / 100);
  }
  return shares;
}

void draw_one(Svg& svg, const Spokes& spokes, const ReportRow& row, const std::vector<double>& base,
              const std::vector<std::string>& tasks) {
  for (const double share : {0.5, 1.0}) svg.polygon(spokes.ring(std::vector<double>(tasks.size(), share)), "web");
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    svg.line(spokes.middle, spokes.at(i, 1), "grid");
    const Point end = spokes.at(i, 1.18);
    svg.text({end.x, end.y + 4}, fmt::format("{}", i + 1), Anchor::kMiddle, "tick");
  }
  if (!base.empty()) svg.polygon(spokes.ring(base), "area-base");
  svg.polygon(spokes.ring(shares_of(row, tasks)), "area " + series_colour(row.series));
  svg.text({spokes.middle.x, spokes.middle.y - kRadius - 22}, fitted(row.table->method, kCellWidth - 6),
           Anchor::kMiddle, "panel");
}

std::string draw(const std::vector<const ReportRow*>& rows, const std::vector<double>& base,
                 const std::vector<std::string>& tasks, const Layout& layout, std::string_view label) {
  const auto columns = std::max<std::size_t>(1, static_cast<std::size_t>(layout.width / kCellWidth));
  const std::size_t lines = (rows.size() + columns - 1) / columns;
  const double cell = layout.width / static_cast<double>(columns);
  Svg svg(layout.width, kCellHeight * static_cast<double>(lines), label);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Spokes spokes{.middle = {cell * (static_cast<double>(i % columns) + 0.5),
                                   kCellHeight * static_cast<double>(i / columns) + 100},
                        .count = tasks.size()};
    draw_one(svg, spokes, *rows[i], base, tasks);
  }
  return std::move(svg).finish();
}

// Names of tasks have no room beside drawings so small.
std::string spokes_text(const std::vector<std::string>& tasks) {
  std::string text = "Spokes, clockwise from the top:";
  for (std::size_t i = 0; i < tasks.size(); ++i) text += fmt::format("{} {} {}", i == 0 ? "" : ",", i + 1, tasks[i]);
  return text + ".";
}

HtmlTable numbers_of(const std::vector<const ReportRow*>& rows, const std::vector<std::string>& tasks,
                     const std::string& title) {
  HtmlTable table{.caption = title + ": numbers (%)", .columns = {{"Method", HtmlColumn::Kind::kText}}, .rows = {}};
  for (const std::string& task : tasks) table.columns.push_back({task});
  for (const ReportRow* row : rows) {
    std::vector<HtmlCell> cells{{row->table->method}};
    for (const std::string& task : tasks) cells.push_back(number_cell(cell_of(*row, task)->value.mean, 1));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace

std::vector<Figure> radar_figures(const ReportData& data) {
  std::vector<std::string> tasks;
  for (const std::string& task : data.table.tasks)
    if (find_composite(task) == nullptr) tasks.push_back(task);
  if (tasks.size() < 3) return {};
  std::vector<Figure> figures;
  for (const std::string& model : data.models) {
    std::vector<const ReportRow*> rows;
    for (const ReportRow& row : data.rows)
      if (row.table->model == model && !row.family.empty() && !shares_of(row, tasks).empty()) rows.push_back(&row);
    if (rows.empty()) continue;
    const ReportRow* base = baseline_of(data, model);
    const std::string title = fmt::format("{}: accuracy in {} tasks", model, tasks.size());
    const std::vector<double> base_shares = base != nullptr ? shares_of(*base, tasks) : std::vector<double>{};
    std::vector<const ReportRow*> numbers = rows;
    if (!base_shares.empty()) numbers.insert(numbers.begin(), base);
    figures.push_back({.choice = {{"model", model}},
                       .title = title,
                       .wide = draw(rows, base_shares, tasks, kWide, title),
                       .narrow = draw(rows, base_shares, tasks, kNarrow, title),
                       .legend = {},
                       .note = spokes_text(tasks),
                       .numbers = numbers_of(numbers, tasks, title)});
  }
  return figures;
}

}  // namespace qreason
