#include "cli/narrow_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "cli/output.h"
#include "cli/text_width.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

constexpr std::size_t kGap = 2;              // between the columns of a TextTable
constexpr std::size_t kShortestMethod = 10;  // a name cut shorter tells nothing

using Cells = std::vector<std::string>;
struct Row {
  std::string model;
  Cells cells;  // the method first
};

std::string part_of(const std::string& text, std::size_t columns) {
  return shorten_middle(printable(text), columns);
}

// Rows of one model below its name. Methods are cut where the other columns leave them too little.
std::string by_model(const Cells& titles, const std::vector<Row>& rows, std::size_t columns) {
  std::size_t others = 0;
  for (std::size_t i = 1; i < titles.size(); ++i) {
    std::size_t width = display_width(titles[i]);
    for (const Row& row : rows) width = std::max(width, display_width(row.cells[i]));
    others += kGap + width;
  }
  const std::size_t method = std::max(kShortestMethod, columns - std::min(columns, others));
  std::string text;
  for (std::size_t begin = 0; begin < rows.size();) {
    std::vector<TableColumn> heads;
    for (const std::string& title : titles) heads.push_back({title, heads.empty() ? Align::kLeft : Align::kRight});
    TextTable block(heads);
    std::size_t end = begin;
    for (; end < rows.size() && rows[end].model == rows[begin].model; ++end) {
      Cells cells = rows[end].cells;
      cells[0] = part_of(cells[0], method);
      block.add_row(std::move(cells));
    }
    text += fmt::format("\n{}\n{}", part_of(rows[begin].model, columns), block.text());
    begin = end;
  }
  return text;
}

// How many of the tasks from `first` on fit beside the methods; one at least.
template <class TextOf>
std::size_t tasks_that_fit(const StudyTable& table, std::size_t first, std::size_t columns, const TextOf& text_of) {
  std::size_t width = 0;
  for (const TableRow& row : table.rows) width = std::max(width, display_width(printable(row.method)));
  width = std::min(width, 2 * kShortestMethod);
  std::size_t count = 0;
  for (std::size_t i = first; i < table.tasks.size(); ++i, ++count) {
    std::size_t widest = display_width(table.tasks[i]);
    for (const TableRow& row : table.rows) {
      const auto cell = row.cells.find(table.tasks[i]);
      if (cell != row.cells.end()) widest = std::max(widest, display_width(text_of(cell->second)));
    }
    width += kGap + widest;
    if (width > columns && count > 0) break;
  }
  return count;
}

// Methods by tasks, as many tasks side by side as fit.
template <class TextOf>
std::string matrix(const StudyTable& table, const std::string& title, std::size_t columns, const TextOf& text_of) {
  std::string text = wrap_text(title, columns, 0) + "\n";
  for (std::size_t first = 0; first < table.tasks.size();) {
    const std::size_t count = tasks_that_fit(table, first, columns, text_of);
    const std::span tasks = std::span(table.tasks).subspan(first, count);
    Cells titles = {"METHOD"};
    titles.insert(titles.end(), tasks.begin(), tasks.end());
    std::vector<Row> rows;
    for (const TableRow& row : table.rows) {
      Cells cells = {row.method};
      for (const std::string& task : tasks) {
        const auto cell = row.cells.find(task);
        cells.push_back(cell == row.cells.end() ? kMissingCell : text_of(cell->second));
      }
      rows.push_back({row.model, std::move(cells)});
    }
    text += by_model(titles, rows, columns);
    first += count;
  }
  return text;
}

std::string all_tasks(const StudyTable& table, std::size_t columns) {
  return matrix(table, fmt::format("**{}**, {}", title_of(table.metric), spread_title(table)), columns,
                [&](const TableCell& cell) { return main_cell(table, cell, "±"); });
}

// By the interval alone: the other one is what DIFFERENCE shows.
std::string verdicts(const StudyTable& table, std::size_t columns) {
  return matrix(table, "**Verdict** by the interval of the difference", columns, [](const TableCell& cell) {
    const auto comparison = comparison_of(cell);
    return comparison && comparison->by_interval ? std::string(name_of(*comparison->by_interval)) : kMissingCell;
  });
}

std::string with_interval(const std::string& value, const std::optional<Interval>& interval, double scale) {
  return interval ? fmt::format("{} ({})", value, interval_text(interval, scale)) : value;
}

std::string several_answers(const StudyTable& table, const AtKColumn& column, std::size_t columns) {
  return matrix(table, fmt::format("**{}** (95 %)", column.name), columns, [&](const TableCell& cell) {
    const auto value = column.of(cell, column.k);
    return value ? with_interval(number_text(value->percent, 1), value->ci95, 1) : std::string(kMissingCell);
  });
}

std::string published(const StudyTable& table, std::size_t columns) {
  if (!has_published(table)) return "No result here has a published number beside it.\n";
  return matrix(table, fmt::format("**{}**", kPublishedTitle), columns,
                [](const TableCell& cell) { return published_text(cell, "±"); });
}

std::string one_task(const StudyTable& table, const std::string& task, std::size_t columns) {
  std::vector<Row> rows;
  for (const TableRow& row : table.rows) {
    const auto found = row.cells.find(task);
    if (found == row.cells.end()) continue;
    const TableCell& cell = found->second;
    const auto compared = comparison_of(cell);
    rows.push_back({row.model,
                    {row.method, with_interval(number_text(cell.value.mean, 1), cell.ci95, 1),
                     with_interval(difference_text(cell), compared ? compared->ci95 : std::nullopt, 100),
                     cell.p_holm ? p_text(*cell.p_holm) : kMissingCell, number_text(cell.tokens, 0)}});
  }
  const std::string power = power_text(table, task);
  return fmt::format("\n**{}**, {}\n{}{}", task, problems_text(table, task),
                     by_model({"METHOD", "ACCURACY (95 %)", "DIFFERENCE (95 %)", "HOLM", "TOKENS"}, rows, columns),
                     power.empty() ? "" : "\n" + wrap_text(power, columns, 0) + "\n");
}

std::string measure_text(const OrderedJson& row, const char* key, int decimals, double scale) {
  const bool there = row.contains(key) && row[key].is_number();
  return number_text(there ? std::optional(scale * row[key].get<double>()) : std::nullopt, decimals);
}

}  // namespace

std::string narrow_tables(const StudyTable& table, std::size_t columns) {
  std::string text = all_tasks(table, columns);
  if (table.metric == Metric::kAccuracy) {
    for (const std::string& task : table.tasks) text += one_task(table, task, columns);
    if (any_compared(table)) text += "\n" + verdicts(table, columns);
    for (const AtKColumn& column : at_k_columns(table)) text += "\n" + several_answers(table, column, columns);
    if (table.published) text += "\n" + published(table, columns);
    text += "\n" + wrap_text(legend(table), columns, 0) + "\n";
    if (!table.at_k.empty()) text += wrap_text(kAtKLegend, columns, 0) + "\n";
  }
  for (const std::string& note : table.notes) text += "\n" + wrap_text("Note: " + printable(note), columns, 0) + "\n";
  return text;
}

std::string narrow_measures(const OrderedJson& measures, std::size_t columns) {
  if (measures.empty()) return "";
  std::vector<Row> rows;
  for (const OrderedJson& row : measures)
    rows.push_back({row["model"].get<std::string>(),
                    {row["method"].get<std::string>(), measure_text(row, "perplexity", 3, 1),
                     measure_text(row, "kl_mean", 4, 1), measure_text(row, "kl_p99", 3, 1),
                     measure_text(row, "same_top1", 1, 100), measure_text(row, "weight_bytes", 1, 1.0 / (1 << 20))}});
  return "**Perplexity and agreement with the unquantized model**\n" +
         by_model({"METHOD", "PERPLEXITY", "KL MEAN", "KL 99 %", "TOP-1 (%)", "MIB"}, rows, columns);
}

}  // namespace qreason
