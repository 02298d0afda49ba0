// Accuracy against output tokens where thoughts are cut short or made to go on: one line a model and method.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "report/plot.h"
#include "report/scatter.h"
#include "study/row_pairs.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

constexpr const char* kAll = "all";

// The rows of the same weights, by their mean tokens; and how each differs from the one that thinks as long as it
// likes.
struct Series {
  const ReportRow* free = nullptr;  // nullptr: was not run
  std::vector<const ReportRow*> rows;
};

double tokens_of(const ReportRow& row, const std::string& task) {
  return *cell_of(row, task)->tokens;
}

std::vector<Series> series_of(const ReportData& data, const std::string& task) {
  std::vector<Series> all;
  std::map<std::string, std::size_t> places;
  for (const ReportRow& row : data.rows) {
    const TableCell* cell = cell_of(row, task);
    const std::string weights = row.weights_sha256();
    if (weights.empty() || cell == nullptr || !cell->tokens) continue;
    const auto place = places.emplace(weights, all.size()).first->second;
    if (place == all.size()) all.emplace_back();
    all[place].rows.push_back(&row);
    if (row.limits == ThoughtLimits{}) all[place].free = &row;
  }
  std::erase_if(all, [](const Series& series) {
    return std::all_of(series.rows.begin(), series.rows.end(),
                       [&](const ReportRow* row) { return row->limits == series.rows[0]->limits; });
  });
  for (Series& series : all)
    std::stable_sort(series.rows.begin(), series.rows.end(),
                     [&](const ReportRow* a, const ReportRow* b) { return tokens_of(*a, task) < tokens_of(*b, task); });
  return all;
}

const ReportRow& named_by(const Series& series) {
  return series.free != nullptr ? *series.free : *series.rows.front();
}

std::string series_name(const Series& series) {
  const TableRow& row = *named_by(series).table;
  return row.model + " " + row.method;
}

// Every row with limits against the free one of its weights, all of the figure's in one family of tests.
std::map<const ReportRow*, RowPair> against_free(const ReportData& data, const std::vector<Series>& all,
                                                 const std::string& task) {
  std::vector<const ReportRow*> rows;
  std::deque<SeedGroup> groups;
  std::vector<const SeedGroup*> pointers;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  const auto add = [&](const ReportRow& row) {
    auto group = data.group(row, task);
    if (!group) return false;
    groups.push_back(*std::move(group));
    pointers.push_back(&groups.back());
    rows.push_back(&row);
    return true;
  };
  for (const Series& series : all) {
    if (series.free == nullptr || !add(*series.free)) continue;
    const std::size_t free = rows.size() - 1;
    for (const ReportRow* row : series.rows)
      if (row != series.free && add(*row)) pairs.emplace_back(free, rows.size() - 1);
  }
  std::map<const ReportRow*, RowPair> found;
  for (RowPair& pair : compare_rows(pointers, pairs)) found.emplace(rows[pair.second], std::move(pair));
  return found;
}

HtmlTable numbers_of(const ReportData& data, const std::vector<Series>& all, const std::string& task,
                     const std::string& title) {
  using Kind = HtmlColumn::Kind;
  HtmlTable table{.caption = title + ": numbers",
                  .columns = {{"Model and method", Kind::kText},
                              {"thought (tokens)", Kind::kText},
                              {"output tokens"},
                              {"accuracy (%)"},
                              {"95 % interval (%)"},
                              {"difference (points)", Kind::kNumber, "from the same weights, thinking freely"},
                              {"95 % interval"},
                              {"p", Kind::kNumber, "exact sign-flip test over problems"},
                              {"Holm p", Kind::kNumber, "the same, corrected for the number of comparisons here"},
                              {"problems to find it", Kind::kNumber,
                               "that would find a difference of this size with 80 % power, with as many seeds"}},
                  .rows = {}};
  const auto compared = against_free(data, all, task);
  for (const Series& series : all)
    for (const ReportRow* row : series.rows) {
      const TableCell& cell = *cell_of(*row, task);
      std::vector<HtmlCell> cells{
          {series_name(series)},
          {limits_text(row->limits)},
          number_cell(cell.tokens, 0),
          number_cell(cell.value.mean, 1),
          {interval_text(cell.ci95, 1), cell.ci95 ? std::optional(cell.ci95->low) : std::nullopt}};
      const auto found = compared.find(row);
      if (found != compared.end())
        add_pair_cells(cells, found->second);
      else
        cells.resize(table.columns.size(), {kMissingCell});
      table.rows.push_back(std::move(cells));
    }
  return table;
}

Figure figure_of(const ReportData& data, const std::vector<Series>& all, const std::string& models,
                 const std::string& task) {
  std::vector<ScatterPoint> points;
  std::vector<LegendEntry> legend;
  ScatterAxes axes{.x = "mean output tokens", .y = "accuracy (%)", .lines = {}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string colour = series_colour(i);
    legend.push_back({.name = series_name(all[i]), .classes = "mark " + colour, .mark = series_mark(i)});
    ScatterLine line{.points = {}, .colour = colour};
    for (const ReportRow* row : all[i].rows) {
      const TableCell& cell = *cell_of(*row, task);
      line.points.push_back(points.size());
      points.push_back({.x = *cell.tokens,
                        .y = cell.value.mean,
                        .ci95 = cell.ci95,
                        .label = limits_text(row->limits),
                        .tip = fmt::format("{}, {}; {} tokens", series_name(all[i]), accuracy_tip(*row, cell),
                                           number_text(cell.tokens, 0)),
                        .classes = (row == all[i].free ? "hollow " : "mark ") + colour,
                        .mark = series_mark(i),
                        .colour = colour});
    }
    axes.lines.push_back(std::move(line));
  }
  const std::string title =
      fmt::format("{}: accuracy against tokens, with limits to thoughts", models == kAll ? task : models + ", " + task);
  return {.choice = {{"models", models}, {"task", task}},
          .title = title,
          .wide = draw_scatter(points, axes, kWide, title),
          .narrow = draw_scatter(points, axes, kNarrow, title),
          .legend = legend,
          .numbers = numbers_of(data, all, task, title)};
}

}  // namespace

std::vector<Figure> thinking_figures(const ReportData& data) {
  std::vector<Figure> figures;
  for (const std::string& task : tasks_by_weight(data)) {
    const std::vector<Series> all = series_of(data, task);
    std::vector<std::string> models;
    for (const Series& series : all)
      if (const std::string& model = named_by(series).table->model;
          std::find(models.begin(), models.end(), model) == models.end())
        models.push_back(model);
    if (models.size() > 1) figures.push_back(figure_of(data, all, kAll, task));
    for (const std::string& model : models) {
      std::vector<Series> own = all;
      std::erase_if(own, [&](const Series& series) { return named_by(series).table->model != model; });
      figures.push_back(figure_of(data, own, model, task));
    }
  }
  return figures;
}

}  // namespace qreason
