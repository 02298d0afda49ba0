// A smaller model with more bits, or a larger one with fewer: rows of equal size, compared on the same problems.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "report/plot.h"
#include "report/row_plot.h"
#include "study/row_pairs.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

constexpr double kMiB = 1 << 20;

struct Pairs {
  std::vector<const ReportRow*> rows;
  std::vector<RowPair> list;
  std::string task;
};

// The unquantized row whose weights a row's are.
const ReportRow* origin_of(const ReportData& data, const ReportRow& row) {
  if (row.family.empty()) return &row;
  const ReportRow* base = baseline_of(data, row.table->model);
  return base != nullptr && base->family.empty() ? base : nullptr;
}

// Rows that round nothing but weights and think as long as they like.
Pairs pairs_of(const ReportData& data, const std::string& task) {
  Pairs pairs{.rows = {}, .list = {}, .task = task};
  std::deque<SeedGroup> groups;
  std::vector<SizedRow> sized;
  for (const ReportRow& row : data.rows) {
    const Rounded rounded = rounded_by(row.bits);
    const bool weights_alone = row.family.empty() || rounded == Rounded::kWeights;
    const ReportRow* origin = origin_of(data, row);
    if (!weights_alone || row.limits != ThoughtLimits{} || origin == nullptr) continue;
    if (row.measures.weight_bytes.value_or(0) <= 0 || origin->measures.weight_bytes.value_or(0) <= 0) continue;
    auto group = data.group(row, task);
    if (!group) continue;
    groups.push_back(*std::move(group));
    sized.push_back({.origin = origin->weights_sha256().empty() ? origin->table->model : origin->weights_sha256(),
                     .bytes = *row.measures.weight_bytes,
                     .full_bytes = *origin->measures.weight_bytes,
                     .group = &groups.back()});
    pairs.rows.push_back(&row);
  }
  pairs.list = pairs_of_equal_size(sized);
  return pairs;
}

std::string row_name(const ReportRow& row) {
  return row.table->model + " " + row.table->method;
}

// Whether all pairs are of the same two models, which need to be named once then.
bool of_two_models(const Pairs& pairs) {
  const auto model = [&](std::size_t row) { return pairs.rows[row]->table->model; };
  return std::all_of(pairs.list.begin(), pairs.list.end(), [&](const RowPair& pair) {
    return model(pair.first) == model(pairs.list[0].first) && model(pair.second) == model(pairs.list[0].second);
  });
}

std::vector<PlotLine> lines_of(const Pairs& pairs) {
  const bool two = of_two_models(pairs);
  std::vector<PlotLine> lines;
  for (const RowPair& pair : pairs.list) {
    const ReportRow &large = *pairs.rows[pair.second], &small = *pairs.rows[pair.first];
    lines.push_back({fmt::format("{} - {}", two ? large.table->method : row_name(large),
                                 two ? small.table->method : row_name(small)),
                     fmt::format("{} ({})", number_text(100 * pair.statistics.difference, 1),
                                 interval_text(pair.statistics.report_ci95, 100))});
  }
  return lines;
}

std::string title_of(const Pairs& pairs) {
  if (!of_two_models(pairs)) return pairs.task + ": models of equal size";
  const RowPair& pair = pairs.list.front();
  return fmt::format("{}, at equal size: {} less {}", pairs.task, pairs.rows[pair.second]->table->model,
                     pairs.rows[pair.first]->table->model);
}

std::string draw(const Pairs& pairs, const Layout& layout, std::string_view label) {
  double low = -5, high = 5;
  for (const RowPair& pair : pairs.list) {
    const double middle = pair.statistics.difference;
    const Interval ends = pair.statistics.report_ci95.value_or(Interval{middle, middle});
    low = std::min(low, 100 * ends.low);
    high = std::max(high, 100 * ends.high);
  }
  const std::vector<PlotLine> lines = lines_of(pairs);
  RowPlot plot(lines, rounded_scale(ScaleKind::kLinear, low, high, 8), layout, label, "difference (percentage points)");
  plot.svg().line({plot.x(0), plot.frame().top}, {plot.x(0), plot.frame().bottom}, "baseline");
  for (std::size_t i = 0; i < pairs.list.size(); ++i) {
    const RowPair& pair = pairs.list[i];
    const auto& ci = pair.statistics.report_ci95;
    const ReportRow& large = *pairs.rows[pair.second];
    const std::string colour = series_colour(large.series);
    if (ci) plot.svg().line({plot.x(100 * ci->low), plot.y(i)}, {plot.x(100 * ci->high), plot.y(i)}, "bar " + colour);
    const bool holds_zero = !ci || (ci->low <= 0 && ci->high >= 0);
    plot.svg().mark(series_mark(large.series), {plot.x(100 * pair.statistics.difference), plot.y(i)}, 4.5,
                    (holds_zero ? "hollow " : "mark ") + colour,
                    fmt::format("{} - {}: {}", row_name(large), row_name(*pairs.rows[pair.first]), lines[i].numbers));
  }
  return std::move(plot.svg()).finish();
}

HtmlTable numbers_of(const Pairs& pairs, const std::string& title) {
  using Kind = HtmlColumn::Kind;
  HtmlTable table{.caption = title + ": numbers",
                  .columns = {{"Larger model, fewer bits", Kind::kText},
                              {"MiB"},
                              {"accuracy (%)"},
                              {"Smaller model, more bits", Kind::kText},
                              {"MiB"},
                              {"accuracy (%)"},
                              {"difference (points)"},
                              {"95 % interval"},
                              {"p", Kind::kNumber, "exact sign-flip test over problems"},
                              {"Holm p", Kind::kNumber, "the same, corrected for the number of pairs here"},
                              {"problems to find it", Kind::kNumber,
                               "that would find a difference of this size with 80 % power, with as many seeds"}},
                  .rows = {}};
  for (const RowPair& pair : pairs.list) {
    std::vector<HtmlCell> cells;
    for (const std::size_t i : {pair.second, pair.first}) {
      const ReportRow& row = *pairs.rows[i];
      cells.push_back({row_name(row)});
      cells.push_back(number_cell(*row.measures.weight_bytes / kMiB, 2));
      cells.push_back(number_cell(cell_of(row, pairs.task)->value.mean, 1));
    }
    add_pair_cells(cells, pair);
    table.rows.push_back(std::move(cells));
  }
  return table;
}

}  // namespace

std::vector<Figure> equal_size_figures(const ReportData& data) {
  std::vector<Figure> figures;
  for (const std::string& task : tasks_by_weight(data)) {
    const Pairs pairs = pairs_of(data, task);
    if (pairs.list.empty()) continue;
    figures.push_back(figure_of_content({{"task", task}}, title_of(pairs), pairs, draw, numbers_of));
  }
  return figures;
}

}  // namespace qreason
