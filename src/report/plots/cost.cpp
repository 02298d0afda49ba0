// More bits, a larger model, or more tokens: accuracy against what an answer takes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "report/plot.h"
#include "report/scatter.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

// What a row takes, where it is known.
struct Cost {
  std::string_view name;   // in the choice
  std::string_view title;  // of the axis
  ScaleKind kind;
  int decimals;
  std::optional<double> (*of)(const ReportRow& row, const TableCell& cell);
};

constexpr double kMiB = 1 << 20, kGB = 1e9;

constexpr std::array kCosts{
    Cost{.name = "output tokens",
         .title = "mean output tokens",
         .kind = ScaleKind::kLinear,
         .decimals = 0,
         .of = [](const ReportRow& /*row*/, const TableCell& cell) { return cell.tokens; }},
    Cost{.name = "weights",
         .title = "weights in memory (MiB)",
         .kind = ScaleKind::kLog,
         .decimals = 2,
         .of = [](const ReportRow& row, const TableCell& /*cell*/) -> std::optional<double> {
           const auto& bytes = row.measures.weight_bytes;
           return bytes && *bytes > 0 ? std::optional(*bytes / kMiB) : std::nullopt;
         }},
    Cost{.name = "weights x tokens",
         .title = "weights read for one answer (GB: size x mean output tokens)",
         .kind = ScaleKind::kLog,
         .decimals = 3,
         .of = [](const ReportRow& row, const TableCell& cell) -> std::optional<double> {
           const auto& bytes = row.measures.weight_bytes;
           if (!bytes || !cell.tokens || *bytes <= 0 || *cell.tokens <= 0) return std::nullopt;
           return *bytes * *cell.tokens / kGB;
         }},
};

HtmlTable numbers_of(const std::vector<const ReportRow*>& rows, const std::vector<ScatterPoint>& points,
                     const Cost& cost, const std::string& title) {
  HtmlTable table{.caption = title + ": numbers",
                  .columns = {{"Method", HtmlColumn::Kind::kText},
                              {"Model", HtmlColumn::Kind::kText},
                              {std::string(cost.title)},
                              {"accuracy (%)"},
                              {"95 % interval (%)"},
                              {"best for that much", HtmlColumn::Kind::kText}},
                  .rows = {}};
  const std::vector<std::size_t> best = frontier(points);
  const std::set<std::size_t> on_frontier(best.begin(), best.end());
  for (std::size_t i = 0; i < points.size(); ++i)
    table.rows.push_back(
        {{rows[i]->table->method},
         {rows[i]->table->model},
         number_cell(points[i].x, cost.decimals),
         number_cell(points[i].y, 1),
         {interval_text(points[i].ci95, 1), points[i].ci95 ? std::optional(points[i].ci95->low) : std::nullopt},
         {on_frontier.contains(i) ? "yes" : "-"}});
  return table;
}

std::optional<Figure> figure_of(const ReportData& data, const Cost& cost, const std::string& task) {
  std::vector<ScatterPoint> points;
  std::vector<const ReportRow*> rows;
  std::vector<LegendEntry> legend;
  std::set<std::string> named;
  std::string absent;
  for (const ReportRow& row : data.rows) {
    const TableCell* cell = cell_of(row, task);
    if (cell == nullptr) continue;
    const auto x = cost.of(row, *cell);
    if (!x) {
      absent += fmt::format("{}{} {}", absent.empty() ? "" : ", ", row.table->model, row.table->method);
      continue;
    }
    const LegendEntry entry = model_entry(data, row);
    if (named.insert(entry.name).second) legend.push_back(entry);
    const std::string colour = series_colour(row.model);
    points.push_back({.x = *x,
                      .y = cell->value.mean,
                      .ci95 = cell->ci95,
                      .label = row.table->method,
                      .tip = fmt::format("{} {}; {} {}", row.table->model, accuracy_tip(row, *cell),
                                         number_text(*x, cost.decimals), cost.title),
                      .classes = (row.family.empty() ? "hollow " : "mark ") + colour,
                      .mark = entry.mark,
                      .colour = colour});
    rows.push_back(&row);
  }
  if (points.size() < 2) return std::nullopt;
  const std::string title = fmt::format("{}: accuracy against {}", task, cost.name);
  const ScatterAxes axes{.x = cost.title, .y = "accuracy (%)", .x_kind = cost.kind, .frontier = true};
  return Figure{.choice = {{"against", std::string(cost.name)}, {"task", task}},
                .title = title,
                .wide = draw_scatter(points, axes, kWide, title),
                .narrow = draw_scatter(points, axes, kNarrow, title),
                .legend = legend,
                .note = absent.empty() ? "" : "Not shown, as it is not recorded: " + absent + ".",
                .numbers = numbers_of(rows, points, cost, title)};
}

}  // namespace

std::vector<Figure> cost_figures(const ReportData& data) {
  std::vector<Figure> figures;
  for (const Cost& cost : kCosts)
    for (const std::string& task : tasks_by_weight(data))
      if (auto figure = figure_of(data, cost, task)) figures.push_back(*std::move(figure));
  return figures;
}

}  // namespace qreason
