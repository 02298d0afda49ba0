// What several answers are worth: pass@k and maj@k of a model's rows, over its seeds.
#include <fmt/format.h>

#include <algorithm>

#include "report/plot.h"
#include "report/scatter.h"
#include "study/at_k.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

constexpr std::int64_t kMostDrawn = 64;

struct Several {
  const ReportRow* row = nullptr;
  std::vector<AtK> values;
  std::optional<double> tokens;
};

// The number of answers: all up to 8, then every power of two, and all there are.
std::vector<std::int64_t> counts_up_to(std::int64_t seeds) {
  std::vector<std::int64_t> counts;
  for (std::int64_t k = 1; k <= std::min(seeds, kMostDrawn); k += k < 8 ? 1 : k) counts.push_back(k);
  if (counts.back() != std::min(seeds, kMostDrawn)) counts.push_back(std::min(seeds, kMostDrawn));
  return counts;
}

std::optional<Several> several_of(const ReportData& data, const ReportRow& row, const std::string& task) {
  const auto group = data.group(row, task);
  if (!group || group->seeds.size() < 2) return std::nullopt;
  const TableCell* cell = cell_of(row, task);
  return Several{.row = &row,
                 .values = at_k(*group, counts_up_to(static_cast<std::int64_t>(group->seeds.size()))),
                 .tokens = cell != nullptr ? cell->tokens : std::nullopt};
}

HtmlTable numbers_of(const std::vector<Several>& rows, const std::string& title) {
  HtmlTable table{
      .caption = title + ": numbers",
      .columns = {{"Method", HtmlColumn::Kind::kText},
                  {"answers (k)"},
                  {"output tokens", HtmlColumn::Kind::kNumber, "of k answers together"},
                  {"pass@k (%)"},
                  {"95 % interval (%)"},
                  {"maj@k (%)"},
                  {"95 % interval (%)"},
                  {"gain (points)", HtmlColumn::Kind::kNumber, "maj@k less one answer, on the same problems"},
                  {"95 % interval"}},
      .rows = {}};
  const auto percent = [](const std::optional<double>& value) {
    return number_cell(value ? std::optional(100 * *value) : std::nullopt, 1);
  };
  const auto interval = [](const std::optional<Interval>& ci95) {
    return HtmlCell{interval_text(ci95, 100), ci95 ? std::optional(ci95->low) : std::nullopt};
  };
  for (const Several& row : rows)
    for (const AtK& value : row.values) {
      const auto k = static_cast<double>(value.k);
      table.rows.push_back({{row.row->table->method},
                            number_cell(k, 0),
                            number_cell(row.tokens ? std::optional(k * *row.tokens) : std::nullopt, 0),
                            percent(value.pass),
                            interval(value.pass_ci95),
                            percent(value.majority),
                            interval(value.majority_ci95),
                            percent(value.gain),
                            interval(value.gain_ci95)});
    }
  return table;
}

// Marks beside each other where rows meet: each a little to the side of its k.
double beside(std::int64_t k, std::size_t place, std::size_t count) {
  return static_cast<double>(k) + 0.08 * (static_cast<double>(place) - (static_cast<double>(count) - 1) / 2);
}

Figure figure_of(const std::vector<Several>& rows, const std::string& model, const std::string& family,
                 const std::string& task) {
  std::vector<ScatterPoint> points;
  std::vector<LegendEntry> legend;
  ScatterAxes axes{.x = "answers (k)", .y = "pass@k (hollow), maj@k (filled) (%)", .lines = {}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string colour = series_colour(i);
    legend.push_back({.name = rows[i].row->table->method, .classes = "mark " + colour, .mark = series_mark(i)});
    ScatterLine pass{.points = {}, .colour = colour}, majority{.points = {}, .colour = colour};
    const auto add = [&](ScatterLine& line, const AtK& value, double share, const std::optional<Interval>& ci95,
                         std::string_view name) {
      std::optional<Interval> percent;
      if (ci95) percent = Interval{100 * ci95->low, 100 * ci95->high};
      const bool is_pass = &line == &pass;
      line.points.push_back(points.size());
      points.push_back({.x = beside(value.k, 2 * i + (is_pass ? 0 : 1), 2 * rows.size()),
                        .y = 100 * share,
                        .ci95 = percent,
                        .label = {},
                        .tip = fmt::format("{}, {}@{}: {} % ({})", rows[i].row->table->method, name, value.k,
                                           number_text(100 * share, 1), interval_text(percent, 1)),
                        .classes = (is_pass ? "hollow " : "mark ") + colour,
                        .mark = series_mark(i),
                        .colour = colour});
    };
    for (const AtK& value : rows[i].values) {
      add(pass, value, value.pass, value.pass_ci95, "pass");
      if (value.majority) add(majority, value, *value.majority, value.majority_ci95, "maj");
    }
    axes.lines.push_back(std::move(pass));
    axes.lines.push_back(std::move(majority));
  }
  const std::string title = fmt::format("{}, {}: several answers of {}", model, task, family);
  return {.choice = {{"model", model}, {"method", family}},
          .title = title,
          .wide = draw_scatter(points, axes, kWide, title),
          .narrow = draw_scatter(points, axes, kNarrow, title),
          .legend = legend,
          .numbers = numbers_of(rows, title)};
}

}  // namespace

std::vector<Figure> several_figures(const ReportData& data) {
  std::vector<Figure> figures;
  const std::string& task = data.main_task();
  for (const std::string& model : data.models) {
    const ReportRow* base = baseline_of(data, model);
    const auto unquantized = base != nullptr ? several_of(data, *base, task) : std::nullopt;
    std::size_t drawn = 0;
    for (const std::string& family : data.families) {
      std::vector<Several> rows;
      if (unquantized) rows.push_back(*unquantized);
      for (const ReportRow& row : data.rows)
        if (row.table->model == model && row.family == family && &row != base)
          if (auto several = several_of(data, row, task)) rows.push_back(*std::move(several));
      if (rows.size() <= (unquantized ? 1U : 0U)) continue;
      figures.push_back(figure_of(rows, model, family, task));
      ++drawn;
    }
    if (drawn == 0 && unquantized) figures.push_back(figure_of({*unquantized}, model, "unquantized", task));
  }
  return figures;
}

}  // namespace qreason
