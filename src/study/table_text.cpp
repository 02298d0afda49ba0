// How tables are written for people: Markdown and LaTeX.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "study/table.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

std::string markdown_row(const std::vector<std::string>& cells) {
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}

std::string markdown_head(const std::vector<std::string>& titles, std::size_t left) {
  std::vector<std::string> rules;
  for (std::size_t i = 0; i < titles.size(); ++i) rules.emplace_back(i < left ? ":--" : "--:");
  return markdown_row(titles) + markdown_row(rules);
}

std::string escaped_markdown(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::string main_table(const StudyTable& table) {
  std::vector<std::string> titles = {"Model", "Method"};
  titles.insert(titles.end(), table.tasks.begin(), table.tasks.end());
  std::string text = fmt::format("**{}**, {}\n\n", title_of(table.metric), spread_title(table));
  text += markdown_head(titles, 2);
  for (const TableRow& row : table.rows) {
    std::vector<std::string> cells = {escaped_markdown(row.model), escaped_markdown(row.method)};
    for (const std::string& task : table.tasks) {
      const auto cell = row.cells.find(task);
      cells.push_back(cell == row.cells.end() ? kMissingCell : main_cell(table, cell->second, "±"));
    }
    text += markdown_row(cells);
  }
  return text;
}

// Difference, its interval, flips, tests, verdict, recovery: "-" in the baseline's row.
constexpr std::size_t kPairedColumns = 9;
std::vector<std::string> paired_cells(const TableCell& cell) {
  std::vector<std::string> cells(kPairedColumns, kMissingCell);
  cells[0] = difference_text(cell);
  const auto comparison = comparison_of(cell);
  if (!comparison) return cells;
  cells[1] = interval_text(comparison->ci95, 100);
  cells[4] = p_text(comparison->p);
  if (cell.p_holm) cells[5] = p_text(*cell.p_holm);
  cells[7] = verdict_text(cell);
  if (comparison->recovery_percent) cells[8] = number_text(comparison->recovery_percent, 1) + " %";
  if (!cell.against_baseline) return cells;
  const PairStatistics& pair = *cell.against_baseline;
  if (pair.flips) {
    cells[2] = fmt::format("{}", pair.flips->right_to_wrong);
    cells[3] = fmt::format("{}", pair.flips->wrong_to_right);
  }
  std::vector<std::string> mcnemar;
  for (const McNemar& test : pair.mcnemar) mcnemar.push_back(p_text(test.p_exact));
  if (!mcnemar.empty()) cells[6] = fmt::format("{}", fmt::join(mcnemar, " "));
  return cells;
}

std::string task_table(const StudyTable& table, const std::string& task) {
  std::string text =
      fmt::format("\n**{}**, {}, seeds {}\n\n", task, problems_text(table, task), fmt::join(table.seeds, ", "));
  const bool unfinished = has_unfinished(table, task), loops = has_loops(table, task);
  std::vector<std::string> titles{"Model",    "Method", "accuracy", "95 % interval", "difference", "95 % interval",
                                  "worse",    "better", "p",        "Holm",          "McNemar p",  "verdict",
                                  "recovery", "tokens", "x tokens", "truncated"};
  if (unfinished) titles.insert(titles.end(), {"unfinished", other_count_title(table)});
  if (loops) titles.emplace_back("looping");
  const bool in_thought = has_right_in_thought(table, task);
  if (in_thought) titles.emplace_back("in thought");
  text += markdown_head(titles, 2);
  for (const TableRow& row : table.rows) {
    const auto found = row.cells.find(task);
    if (found == row.cells.end()) continue;
    const TableCell& cell = found->second;
    std::vector<std::string> cells = {escaped_markdown(row.model), escaped_markdown(row.method),
                                      number_text(cell.value.mean, 1), interval_text(cell.ci95, 1)};
    for (std::string& compared : paired_cells(cell)) cells.push_back(std::move(compared));
    cells.push_back(number_text(cell.tokens, 0));
    cells.push_back(token_ratio_text(cell, "±"));
    cells.push_back(percent_text(cell.truncation_rate));
    if (unfinished) {
      cells.push_back(percent_text(cell.unfinished_rate));
      cells.push_back(number_text(other_count(table, cell), 1));
    }
    if (loops) cells.push_back(percent_text(cell.looping_rate));
    if (in_thought) cells.push_back(percent_text(cell.right_in_thought_rate));
    text += markdown_row(cells);
  }
  const std::string power = power_text(table, task);
  return power.empty() ? text : text + "\n" + power + "\n";
}

// What several answers are worth, where it was asked for.
std::string at_k_table(const StudyTable& table, const std::string& task) {
  const std::vector<AtKColumn> columns = at_k_columns(table);
  std::vector<std::string> titles{"Model", "Method"};
  for (const AtKColumn& column : columns) titles.insert(titles.end(), {column.name, "95 % interval"});
  std::string text =
      fmt::format("\n**{}**, several answers (%), {}\n\n", task, problems_text(table, task)) + markdown_head(titles, 2);
  for (const TableRow& row : table.rows) {
    const auto found = row.cells.find(task);
    if (found == row.cells.end()) continue;
    std::vector<std::string> cells{escaped_markdown(row.model), escaped_markdown(row.method)};
    for (const AtKColumn& column : columns) {
      const auto cell = column.of(found->second, column.k);
      cells.push_back(cell ? number_text(cell->percent, 1) : kMissingCell);
      cells.push_back(interval_text(cell ? cell->ci95 : std::nullopt, 1));
    }
    text += markdown_row(cells);
  }
  return text;
}

// Rows that were published, by the tasks that any of them was.
std::string published_table(const StudyTable& table) {
  if (!has_published(table)) return "\nNo result here has a published number beside it.\n";
  std::string text = fmt::format("\n**{}**\n\n", kPublishedTitle);
  text += markdown_head({"Model", "Method", "Task", "ours", "published", "difference", "SE", "p"}, 3);
  for (const TableRow& row : table.rows) {
    for (const std::string& task : table.tasks) {
      const auto found = row.cells.find(task);
      if (found == row.cells.end() || !found->second.published) continue;
      const auto& [published, difference] = *found->second.published;
      std::string theirs = number_text(published.mean, 1);
      if (published.std) theirs += " ± " + number_text(published.std, 1);
      text += markdown_row({escaped_markdown(row.model), escaped_markdown(row.method), task,
                            main_cell(table, found->second, "±"), theirs, number_text(difference.difference, 1),
                            number_text(difference.standard_errors, 1),
                            difference.p_welch ? p_text(*difference.p_welch) : kMissingCell});
    }
  }
  return text;
}

std::string seeds_table(const StudyTable& table) {
  std::vector<std::string> titles = {"Model", "Method", "Task"};
  for (const std::uint64_t seed : table.seeds) titles.push_back(fmt::format("seed {}", seed));
  for (const char* name : {"mean", "std", "n", "tokens", "truncated"}) titles.emplace_back(name);
  std::string text = "\n**Per seed**\n\n" + markdown_head(titles, 3);
  const int decimals = decimals_of(table.metric);
  for (const TableRow& row : table.rows) {
    for (const std::string& task : table.tasks) {
      const auto found = row.cells.find(task);
      if (found == row.cells.end()) continue;
      const TableCell& cell = found->second;
      std::vector<std::string> cells = {escaped_markdown(row.model), escaped_markdown(row.method), task};
      for (const std::uint64_t seed : table.seeds)
        cells.push_back(cell.per_seed.contains(seed) ? number_text(cell.per_seed.at(seed), decimals) : kMissingCell);
      cells.push_back(number_text(cell.value.mean, decimals));
      cells.push_back(number_text(cell.value.std, decimals));
      cells.push_back(fmt::format("{}", cell.per_seed.size()));
      cells.push_back(number_text(cell.tokens, 0));
      cells.push_back(percent_text(cell.truncation_rate));
      text += markdown_row(cells);
    }
  }
  return text;
}

std::string notes_text(const StudyTable& table) {
  std::string text;
  for (const std::string& note : table.notes) text += "\nNote: " + note + "\n";
  return text;
}

std::string escaped_latex(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view("_%&#${}").find(c) != std::string_view::npos) result += '\\';
    if (c == '\\')
      result += "\\textbackslash{}";
    else if (c == '^' || c == '~')
      result += fmt::format("\\{}{{}}", c);
    else
      result += c;
  }
  return result;
}

std::string latex_table(const StudyTable& table, const std::function<std::string(const TableCell&)>& text_of) {
  std::string text =
      fmt::format("\\begin{{tabular}}{{ll{}}}\n\\hline\nModel & Method", std::string(table.tasks.size(), 'r'));
  for (const std::string& task : table.tasks) text += " & " + escaped_latex(task);
  text += " \\\\\n\\hline\n";
  for (const TableRow& row : table.rows) {
    text += escaped_latex(row.model) + " & " + escaped_latex(row.method);
    for (const std::string& task : table.tasks) {
      const auto cell = row.cells.find(task);
      text += " & " + (cell == row.cells.end() ? std::string(kMissingCell) : text_of(cell->second));
    }
    text += " \\\\\n";
  }
  return text + "\\hline\n\\end{tabular}\n";
}

std::string latex_comparison(const TableCell& cell) {
  const auto comparison = comparison_of(cell);
  if (!comparison) return escaped_latex(difference_text(cell));
  const std::string p = cell.p_holm ? p_text(*cell.p_holm) : kMissingCell;
  return fmt::format("{} [{}], {}, {}", difference_text(cell), interval_text(comparison->ci95, 100),
                     p.starts_with('<') ? "$<$" + p.substr(1) : p, verdict_text(cell));
}

}  // namespace

std::string to_summary(const StudyTable& table) {
  std::string text = main_table(table);
  if (table.metric == Metric::kAccuracy) {
    for (const std::string& task : table.tasks) text += task_table(table, task);
    text += "\n" + legend(table) + "\n";
    for (const std::string& task : table.tasks)
      if (!table.at_k.empty()) text += at_k_table(table, task);
    if (!table.at_k.empty()) text += fmt::format("\n{}\n", kAtKLegend);
    if (table.published) text += published_table(table);
  }
  return text + notes_text(table);
}

std::string to_markdown(const StudyTable& table) {
  return to_summary(table) + seeds_table(table);
}

std::string to_latex(const StudyTable& table) {
  std::string text = latex_table(table, [&](const TableCell& cell) { return main_cell(table, cell, "$\\pm$"); });
  if (table.metric != Metric::kAccuracy) return text;
  if (any_compared(table))
    text += "\n% difference in points, 95 \\% interval, p by Holm, verdict\n" + latex_table(table, latex_comparison);
  for (const AtKColumn& column : at_k_columns(table))
    text +=
        fmt::format("\n% {} (\\%), 95 \\% interval\n", column.name) + latex_table(table, [&](const TableCell& cell) {
          const auto value = column.of(cell, column.k);
          return value ? fmt::format("{} [{}]", number_text(value->percent, 1), interval_text(value->ci95, 1))
                       : std::string(kMissingCell);
        });
  if (has_published(table))
    text += fmt::format("\n% {}\n", kPublishedTitle) +
            latex_table(table, [](const TableCell& cell) { return published_text(cell, "$\\pm$"); });
  return text;
}

}  // namespace qreason
