// Which measure without generating predicts what accuracy loses: perplexity, divergence, agreement.
#include <fmt/format.h>

#include <array>
#include <set>

#include "report/plot.h"
#include "report/scatter.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

struct Measure {
  std::string_view name, title;
  ScaleKind kind;
  std::optional<double> (*of)(const RowMeasures& own, const RowMeasures& base);
};

constexpr std::array kMeasures{
    Measure{"mean KL divergence", "mean KL divergence (nats a token)", ScaleKind::kLog,
            [](const RowMeasures& own, const RowMeasures& /*base*/) { return own.kl_mean; }},
    Measure{"median KL divergence", "median KL divergence (nats a token)", ScaleKind::kLog,
            [](const RowMeasures& own, const RowMeasures& /*base*/) { return own.kl_p50; }},
    Measure{"99 % of KL divergence", "99 % quantile of KL divergence (nats a token)", ScaleKind::kLog,
            [](const RowMeasures& own, const RowMeasures& /*base*/) { return own.kl_p99; }},
    Measure{"other first token", "tokens with another first choice (%)", ScaleKind::kLinear,
            [](const RowMeasures& own, const RowMeasures& /*base*/) -> std::optional<double> {
              return own.same_top1 ? std::optional(100 * (1 - *own.same_top1)) : std::nullopt;
            }},
    Measure{"perplexity ratio", "perplexity over the baseline's", ScaleKind::kLog,
            [](const RowMeasures& own, const RowMeasures& base) -> std::optional<double> {
              if (!own.perplexity || !base.perplexity || *base.perplexity <= 0) return std::nullopt;
              return *own.perplexity / *base.perplexity;
            }},
};

struct Points {
  std::vector<ScatterPoint> list;
  std::vector<const ReportRow*> rows;
  std::vector<LegendEntry> legend;
};

Points points_of(const ReportData& data, const Measure& measure, const std::string& task) {
  Points points;
  std::set<std::string> named;
  for (const ReportRow& row : data.rows) {
    const TableCell* cell = cell_of(row, task);
    const auto comparison = cell != nullptr ? comparison_of(*cell) : std::nullopt;
    const ReportRow* base = row.table->compared_with ? data.find(*row.table->compared_with) : nullptr;
    const auto x = base != nullptr ? measure.of(row.measures, base->measures) : std::nullopt;
    if (!comparison || !x || (measure.kind == ScaleKind::kLog && *x <= 0)) continue;
    const LegendEntry entry = model_entry(data, row);
    if (named.insert(entry.name).second) points.legend.push_back(entry);
    const double loss = -100 * comparison->difference;
    std::optional<Interval> ci;
    if (comparison->ci95) ci = Interval{-100 * comparison->ci95->high, -100 * comparison->ci95->low};
    points.list.push_back({.x = *x,
                           .y = loss,
                           .ci95 = ci,
                           .label = row.table->method,
                           .tip = fmt::format("{} {}: loses {} points at {:.4g}", row.table->model, row.table->method,
                                              number_text(loss, 1), *x),
                           .classes = entry.classes,
                           .mark = entry.mark,
                           .colour = series_colour(row.model)});
    points.rows.push_back(&row);
  }
  return points;
}

std::optional<double> correlation_of(const Points& points, std::optional<std::size_t> model) {
  std::vector<double> x, y;
  for (std::size_t i = 0; i < points.list.size(); ++i) {
    if (model && points.rows[i]->model != *model) continue;
    x.push_back(points.list[i].x);
    y.push_back(points.list[i].y);
  }
  return rank_correlation(x, y);
}

// Of all measures, so that they stand side by side.
std::string correlations(const ReportData& data, const std::string& task) {
  std::string text;
  for (const Measure& measure : kMeasures) {
    const Points points = points_of(data, measure, task);
    if (points.list.size() < 3) continue;
    text += fmt::format("{}{} {}", text.empty() ? "Spearman's rank correlation with the loss, all rows: " : ", ",
                        measure.name, number_text(correlation_of(points, std::nullopt), 3));
    std::string models;
    for (std::size_t m = 0; data.models.size() > 1 && m < data.models.size(); ++m)
      if (const auto own = correlation_of(points, m))
        models += fmt::format("{}{} {}", models.empty() ? "" : ", ", data.models[m], number_text(*own, 3));
    if (!models.empty()) text += " (" + models + ")";
  }
  return text.empty() ? "" : text + ".";
}

HtmlTable numbers_of(const Points& points, const Measure& measure, const std::string& title) {
  HtmlTable table{.caption = title + ": numbers",
                  .columns = {{"Method", HtmlColumn::Kind::kText},
                              {"Model", HtmlColumn::Kind::kText},
                              {std::string(measure.title)},
                              {"loss of accuracy (points)"}},
                  .rows = {}};
  for (std::size_t i = 0; i < points.list.size(); ++i)
    table.rows.push_back({{points.rows[i]->table->method},
                          {points.rows[i]->table->model},
                          {fmt::format("{:.4g}", points.list[i].x), points.list[i].x},
                          number_cell(points.list[i].y, 1)});
  return table;
}

}  // namespace

std::vector<Figure> measure_figures(const ReportData& data) {
  std::vector<Figure> figures;
  for (const Measure& measure : kMeasures) {
    for (const std::string& task : tasks_by_weight(data)) {
      const Points points = points_of(data, measure, task);
      if (points.list.size() < 3) continue;
      const std::string title = fmt::format("{}: loss of accuracy against {}", task, measure.name);
      const ScatterAxes axes{.x = measure.title, .y = "loss of accuracy (points)", .x_kind = measure.kind};
      figures.push_back({.choice = {{"measure", std::string(measure.name)}, {"task", task}},
                         .title = title,
                         .wide = draw_scatter(points.list, axes, kWide, title),
                         .narrow = draw_scatter(points.list, axes, kNarrow, title),
                         .legend = points.legend,
                         .note = correlations(data, task),
                         .numbers = numbers_of(points, measure, title)});
    }
  }
  return figures;
}

}  // namespace qreason
