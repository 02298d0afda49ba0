// Methods by tasks, and by the levels, subjects or kinds of a task: where the loss is.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "eval/composite.h"
#include "report/levels.h"
#include "report/plot.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

struct Grid {
  std::vector<std::string> columns;
  std::vector<const ReportRow*> rows;
  std::vector<std::vector<std::optional<double>>> values;  // percent, [row][column]
  std::size_t base = 0;                                    // the row that the others are compared with
  bool has_base = false;
};

void add_row(Grid& grid, const ReportRow& row, std::vector<std::optional<double>> values) {
  if (std::none_of(values.begin(), values.end(), [](const auto& value) { return value.has_value(); })) return;
  if (row.family.empty() && !grid.has_base) {
    grid.base = grid.rows.size();
    grid.has_base = true;
  }
  grid.rows.push_back(&row);
  grid.values.push_back(std::move(values));
}

Grid task_grid(const ReportData& data, const std::string& model) {
  Grid grid;
  for (const std::string& task : data.table.tasks)
    if (find_composite(task) == nullptr) grid.columns.push_back(task);
  for (const ReportRow& row : data.rows) {
    if (row.table->model != model) continue;
    std::vector<std::optional<double>> values;
    for (const std::string& task : grid.columns) {
      const TableCell* cell = cell_of(row, task);
      values.push_back(cell != nullptr ? std::optional(cell->value.mean) : std::nullopt);
    }
    add_row(grid, row, std::move(values));
  }
  return grid;
}

// Over all problems of a level and all seeds.
Grid level_grid(const ReportData& data, const std::string& model, const LevelColumn& column) {
  Grid grid{.columns = column.levels, .rows = {}, .values = {}};
  for (const ReportRow& row : data.rows) {
    if (row.table->model != model) continue;
    std::map<std::string, std::pair<double, double>> sums;  // right ones, all
    for (const StudyRun& run : data.runs) {
      if (run.model != model || run.method != row.table->method || run.task != column.task) continue;
      for (std::size_t i = 0; i < run.run.ids.size(); ++i) {
        auto& [right, all] = sums[column.of_id.at(run.run.ids[i])];
        right += run.run.grades[i];
        ++all;
      }
    }
    std::vector<std::optional<double>> values;
    for (const std::string& level : column.levels) {
      const auto found = sums.find(level);
      values.push_back(found != sums.end() ? std::optional(100 * found->second.first / found->second.second)
                                           : std::nullopt);
    }
    add_row(grid, row, std::move(values));
  }
  return grid;
}

// A tint for a difference in points: none within one, then 3, 10, 30 and more.
std::string tint(double difference) {
  const double size = std::abs(difference);
  if (size < 1) return "cell";
  const int step = size < 3 ? 1 : size < 10 ? 2 : size < 30 ? 3 : 4;
  return fmt::format("cell {}{}", difference < 0 ? "down" : "up", step);
}

std::string draw(const Grid& grid, const Layout& layout, std::string_view label) {
  const double row_height = 24;
  double names = 0, titles = 0;
  for (const ReportRow* row : grid.rows) names = std::max(names, text_width(row->table->method));
  for (const std::string& column : grid.columns) titles = std::max(titles, text_width(column));
  names = std::min(names + 10, layout.narrow ? 110.0 : 220.0);
  const double cell = std::min(90.0, (layout.width - names - 4) / static_cast<double>(grid.columns.size()));
  const bool upright = titles > cell - 4;
  const double top = upright ? std::min(titles, 130.0) + 14 : 26;
  Svg svg(layout.width, top + row_height * static_cast<double>(grid.rows.size()) + 6, label);
  for (std::size_t c = 0; c < grid.columns.size(); ++c) {
    const double x = names + cell * (static_cast<double>(c) + 0.5);
    const std::string title = fitted(grid.columns[c], upright ? 130 : cell);
    if (upright)
      svg.upright_text({x + 4, top - 8 - text_width(title) / 2}, title, "tick");
    else
      svg.text({x, top - 8}, title, Anchor::kMiddle, "tick");
  }
  for (std::size_t r = 0; r < grid.rows.size(); ++r) {
    const double y = top + row_height * static_cast<double>(r);
    const std::string& method = grid.rows[r]->table->method;
    svg.text({names - 8, y + 16}, fitted(method, names - 8), Anchor::kEnd);
    for (std::size_t c = 0; c < grid.columns.size(); ++c) {
      const auto& value = grid.values[r][c];
      if (!value) continue;
      const auto base = grid.has_base ? grid.values[grid.base][c] : std::nullopt;
      const double x = names + cell * static_cast<double>(c);
      const std::string tip = fmt::format("{}, {}: {} %", method, grid.columns[c], number_text(*value, 1));
      svg.rect({x + 1, y + 1}, cell - 2, row_height - 2, base ? tint(*value - *base) : "cell", tip);
      svg.text({x + cell / 2, y + 16}, number_text(*value, cell < 40 ? 0 : 1), Anchor::kMiddle, "bare small");
    }
  }
  return std::move(svg).finish();
}

HtmlTable numbers_of(const Grid& grid, const std::string& title) {
  HtmlTable table{.caption = title + ": numbers (%)", .columns = {{"Method", HtmlColumn::Kind::kText}}, .rows = {}};
  for (const std::string& column : grid.columns) table.columns.push_back({column});
  for (std::size_t r = 0; r < grid.rows.size(); ++r) {
    std::vector<HtmlCell> cells{{grid.rows[r]->table->method}};
    for (const auto& value : grid.values[r]) cells.push_back(number_cell(value, 1));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

void add_figure(std::vector<Figure>& figures, const Grid& grid, const std::string& model, const std::string& by) {
  if (grid.rows.size() < 2 || grid.columns.size() < 2) return;
  const std::string title = fmt::format("{}: accuracy (%) by {}", model, by);
  figures.push_back(figure_of_content({{"model", model}, {"by", by}}, title, grid, draw, numbers_of));
}

}  // namespace

std::vector<Figure> heat_figures(const ReportData& data) {
  std::vector<Figure> figures;
  const std::vector<LevelColumn> columns = level_columns(data);
  for (const std::string& model : data.models) {
    add_figure(figures, task_grid(data, model), model, "task");
    for (const LevelColumn& column : columns)
      add_figure(figures, level_grid(data, model, column), model, fmt::format("{} of {}", column.column, column.task));
  }
  return figures;
}

}  // namespace qreason
