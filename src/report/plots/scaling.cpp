// Accuracy against size times bits: one family of methods over all models, a line each.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "report/plot.h"
#include "report/scatter.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

constexpr double kMiB = 1 << 20;

// The rows of one family that round weights alone, and what they were made from; by model, the largest first.
struct Curve {
  const ReportRow* base = nullptr;
  std::vector<const ReportRow*> rows;
};

bool is_sized(const ReportRow& row, const std::string& task) {
  return cell_of(row, task) != nullptr && row.measures.weight_bytes.value_or(0) > 0 && row.limits == ThoughtLimits{};
}

std::vector<Curve> curves_of(const ReportData& data, const std::string& family, const std::string& task) {
  std::vector<Curve> curves;
  for (const std::string& model : data.models) {
    Curve curve{.base = baseline_of(data, model), .rows = {}};
    if (curve.base == nullptr || !curve.base->family.empty() || !is_sized(*curve.base, task)) continue;
    for (const ReportRow& row : data.rows)
      if (row.table->model == model && row.family == family && is_sized(row, task) &&
          rounded_by(row.bits) == Rounded::kWeights)
        curve.rows.push_back(&row);
    if (curve.rows.empty()) continue;
    curve.rows.push_back(curve.base);
    std::stable_sort(curve.rows.begin(), curve.rows.end(), [](const ReportRow* a, const ReportRow* b) {
      return *a->measures.weight_bytes > *b->measures.weight_bytes;
    });
    curves.push_back(std::move(curve));
  }
  return curves;
}

HtmlTable numbers_of(const std::vector<Curve>& curves, const std::string& task, const std::string& title) {
  HtmlTable table{.caption = title + ": numbers",
                  .columns = {{"Method", HtmlColumn::Kind::kText},
                              {"Model", HtmlColumn::Kind::kText},
                              {"bits"},
                              {"weights (MiB)"},
                              {"accuracy (%)"},
                              {"95 % interval (%)"}},
                  .rows = {}};
  for (const Curve& curve : curves)
    for (const ReportRow* row : curve.rows) {
      const TableCell& cell = *cell_of(*row, task);
      table.rows.push_back({{row->table->method},
                            {row->table->model},
                            number_cell(row->bits.weights, 2),
                            number_cell(*row->measures.weight_bytes / kMiB, 2),
                            number_cell(cell.value.mean, 1),
                            {interval_text(cell.ci95, 1), cell.ci95 ? std::optional(cell.ci95->low) : std::nullopt}});
    }
  return table;
}

Figure figure_of(const ReportData& data, const std::vector<Curve>& curves, const std::string& family,
                 const std::string& task) {
  std::vector<ScatterPoint> points;
  std::vector<LegendEntry> legend;
  ScatterAxes axes{.x = "weights in memory (MiB)", .y = "accuracy (%)", .x_kind = ScaleKind::kLog, .lines = {}};
  for (const Curve& curve : curves) {
    const LegendEntry entry = model_entry(data, *curve.base);
    const std::string colour = series_colour(curve.base->model);
    legend.push_back(entry);
    ScatterLine line{.points = {}, .colour = colour};
    for (const ReportRow* row : curve.rows) {
      const TableCell& cell = *cell_of(*row, task);
      const double size = *row->measures.weight_bytes / kMiB;
      line.points.push_back(points.size());
      points.push_back(
          {.x = size,
           .y = cell.value.mean,
           .ci95 = cell.ci95,
           .label = row->table->method,
           .tip = fmt::format("{} {}; {} MiB", row->table->model, accuracy_tip(*row, cell), number_text(size, 2)),
           .classes = (row->family.empty() ? "hollow " : "mark ") + colour,
           .mark = entry.mark,
           .colour = colour});
    }
    axes.lines.push_back(std::move(line));
  }
  const std::string title = fmt::format("{}, {}: accuracy against size and bits", family, task);
  return {.choice = {{"method", family}, {"task", task}},
          .title = title,
          .wide = draw_scatter(points, axes, kWide, title),
          .narrow = draw_scatter(points, axes, kNarrow, title),
          .legend = legend,
          .numbers = numbers_of(curves, task, title)};
}

}  // namespace

std::vector<Figure> scaling_figures(const ReportData& data) {
  std::vector<Figure> figures;
  for (const std::string& family : data.families)
    for (const std::string& task : tasks_by_weight(data)) {
      const std::vector<Curve> curves = curves_of(data, family, task);
      if (curves.size() > 1) figures.push_back(figure_of(data, curves, family, task));
    }
  return figures;
}

}  // namespace qreason
