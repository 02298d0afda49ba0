// How tables are written: Markdown, CSV, JSON, LaTeX.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "study/table.h"
#include "study/table_cells.h"

namespace qreason {
namespace {

// Shortest digits that read back as the same double; empty where not defined.
std::string exact(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

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

// Difference, its interval, flips, tests: "-" in the baseline's row.
std::vector<std::string> paired_cells(const TableCell& cell) {
  std::vector<std::string> cells(6, kMissingCell);
  cells[0] = difference_text(cell);
  if (!cell.against_baseline) return cells;
  const PairStatistics& pair = *cell.against_baseline;
  std::vector<std::string> mcnemar;
  for (const McNemar& test : pair.mcnemar) mcnemar.push_back(p_text(test.p_exact));
  cells[1] = interval_text(pair.report_ci95, 100);
  if (pair.flips) {
    cells[2] = fmt::format("{}", pair.flips->right_to_wrong);
    cells[3] = fmt::format("{}", pair.flips->wrong_to_right);
  }
  cells[4] = p_text(pair.p_sign_flip);
  if (!mcnemar.empty()) cells[5] = fmt::format("{}", fmt::join(mcnemar, " "));
  return cells;
}

std::string task_table(const StudyTable& table, const std::string& task) {
  std::string text =
      fmt::format("\n**{}**, {}, seeds {}\n\n", task, problems_text(table, task), fmt::join(table.seeds, ", "));
  const bool unfinished = has_unfinished(table, task);
  std::vector<std::string> titles{"Model", "Method", "accuracy", "95 % interval", "difference", "95 % interval",
                                  "worse", "better", "p",        "McNemar p",     "tokens",     "truncated"};
  if (unfinished) titles.insert(titles.end(), {"unfinished", other_count_title(table)});
  text += markdown_head(titles, 2);
  for (const TableRow& row : table.rows) {
    const auto found = row.cells.find(task);
    if (found == row.cells.end()) continue;
    const TableCell& cell = found->second;
    std::vector<std::string> cells = {escaped_markdown(row.model), escaped_markdown(row.method),
                                      number_text(cell.value.mean, 1), interval_text(cell.ci95, 1)};
    for (std::string& compared : paired_cells(cell)) cells.push_back(std::move(compared));
    cells.push_back(number_text(cell.tokens, 0));
    cells.push_back(percent_text(cell.truncation_rate));
    if (unfinished) {
      cells.push_back(percent_text(cell.unfinished_rate));
      cells.push_back(number_text(other_count(table, cell), 1));
    }
    text += markdown_row(cells);
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

bool is_number(const std::string& text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc{} && end == text.data() + text.size() && std::isfinite(number);
}

// Spreadsheets run a cell that begins like a formula; an apostrophe before it makes it text.
std::string csv_field(const std::string& text) {
  const bool formula = !text.empty() && std::string_view("=+-@\t\r\n").find(text.front()) != std::string_view::npos;
  const std::string safe = formula && !is_number(text) ? "'" + text : text;
  if (safe.find_first_of(",\"\r\n") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

// difference to p_mcnemar; the last holds one p a seed, separated by spaces.
std::vector<std::string> csv_pair(const std::optional<PairStatistics>& pair) {
  std::vector<std::string> fields(9);
  if (!pair) return fields;
  fields[0] = exact(100 * pair->difference);
  if (pair->report_ci95) {
    fields[1] = exact(100 * pair->report_ci95->low);
    fields[2] = exact(100 * pair->report_ci95->high);
  }
  fields[3] = exact(pair->p_sign_flip);
  if (pair->flips) {
    fields[4] = std::to_string(pair->flips->right_to_wrong);
    fields[5] = std::to_string(pair->flips->wrong_to_right);
  }
  fields[6] = exact(pair->recovery_percent);
  fields[7] = exact(pair->tokens.of_means);
  std::vector<double> mcnemar;
  for (const McNemar& test : pair->mcnemar) mcnemar.push_back(test.p_exact);
  fields[8] = fmt::format("{}", fmt::join(mcnemar, " "));
  return fields;
}

OrderedJson json_or_null(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}
OrderedJson json_or_null(const std::optional<Interval>& value, double scale) {
  return value ? OrderedJson{scale * value->low, scale * value->high} : OrderedJson(nullptr);
}

OrderedJson pair_json(const PairStatistics& pair) {
  OrderedJson tests = OrderedJson::array();
  for (const McNemar& test : pair.mcnemar)
    tests.push_back({{"seed", test.seed},
                     {"both_right", test.both_right},
                     {"right_to_wrong", test.right_to_wrong},
                     {"wrong_to_right", test.wrong_to_right},
                     {"both_wrong", test.both_wrong},
                     {"p_exact", test.p_exact}});
  OrderedJson flips = nullptr;
  if (pair.flips)
    flips = {{"right_to_wrong", pair.flips->right_to_wrong},
             {"wrong_to_right", pair.flips->wrong_to_right},
             {"pairs", pair.flips->pairs}};
  return {{"difference", 100 * pair.difference},
          {"ci95", json_or_null(pair.report_ci95, 100)},
          {"p_sign_flip", pair.p_sign_flip},
          {"p_t", json_or_null(pair.p_t)},
          {"mcnemar", tests},
          {"flips", flips},
          {"recovery_percent", json_or_null(pair.recovery_percent)},
          {"token_ratio", json_or_null(pair.tokens.of_means)}};
}

OrderedJson cell_json(const TableCell& cell) {
  OrderedJson per_seed = OrderedJson::object();
  for (const auto& [seed, value] : cell.per_seed) per_seed[std::to_string(seed)] = value;
  OrderedJson json = {{"mean", cell.value.mean},
                      {"std", json_or_null(cell.value.std)},
                      {"n_seeds", cell.per_seed.size()},
                      {"per_seed", per_seed},
                      {"n_problems", cell.problems},
                      {"ci95", json_or_null(cell.ci95, 1)},
                      {"output_tokens", json_or_null(cell.tokens)},
                      {"truncation_rate", json_or_null(cell.truncation_rate)},
                      {"unfinished_rate", json_or_null(cell.unfinished_rate)},
                      {"accuracy_as_they_stand", json_or_null(cell.as_they_stand)},
                      {"accuracy_finished_only", json_or_null(cell.finished_only)}};
  json["against_baseline"] = cell.against_baseline ? pair_json(*cell.against_baseline) : OrderedJson(nullptr);
  if (!cell.not_compared.empty()) json["not_compared"] = cell.not_compared;
  return json;
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

}  // namespace

std::string to_summary(const StudyTable& table) {
  std::string text = main_table(table);
  if (table.metric == Metric::kAccuracy) {
    for (const std::string& task : table.tasks) text += task_table(table, task);
    text += "\n" + legend(table) + "\n";
  }
  return text + notes_text(table);
}

std::string to_markdown(const StudyTable& table) {
  return to_summary(table) + seeds_table(table);
}

std::string to_csv(const StudyTable& table) {
  std::string text =
      "model,method,task,metric,mean,std,n_seeds,n_problems,ci95_low,ci95_high,output_tokens,truncation_rate,"
      "unfinished_rate,accuracy_as_they_stand,accuracy_finished_only,difference,difference_low,difference_high,p_sign_"
      "flip,right_to_wrong,wrong_to_right,recovery_percent,"
      "token_ratio,p_mcnemar\n";
  for (const TableRow& row : table.rows) {
    for (const std::string& task : table.tasks) {
      const auto found = row.cells.find(task);
      if (found == row.cells.end()) continue;
      const TableCell& cell = found->second;
      std::vector<std::string> fields = {csv_field(row.model),
                                         csv_field(row.method),
                                         csv_field(task),
                                         std::string(name_of(table.metric)),
                                         exact(cell.value.mean),
                                         exact(cell.value.std),
                                         std::to_string(cell.per_seed.size()),
                                         std::to_string(cell.problems),
                                         cell.ci95 ? exact(cell.ci95->low) : "",
                                         cell.ci95 ? exact(cell.ci95->high) : "",
                                         exact(cell.tokens),
                                         exact(cell.truncation_rate),
                                         exact(cell.unfinished_rate),
                                         exact(cell.as_they_stand),
                                         exact(cell.finished_only)};
      for (std::string& field : csv_pair(cell.against_baseline)) fields.push_back(std::move(field));
      text += fmt::format("{}\n", fmt::join(fields, ","));
    }
  }
  return text;
}

std::string to_latex(const StudyTable& table) {
  std::string text =
      fmt::format("\\begin{{tabular}}{{ll{}}}\n\\hline\nModel & Method", std::string(table.tasks.size(), 'r'));
  for (const std::string& task : table.tasks) text += " & " + escaped_latex(task);
  text += " \\\\\n\\hline\n";
  for (const TableRow& row : table.rows) {
    text += escaped_latex(row.model) + " & " + escaped_latex(row.method);
    for (const std::string& task : table.tasks) {
      const auto cell = row.cells.find(task);
      text += " & " + (cell == row.cells.end() ? std::string(kMissingCell) : main_cell(table, cell->second, "$\\pm$"));
    }
    text += " \\\\\n";
  }
  return text + "\\hline\n\\end{tabular}\n";
}

OrderedJson to_json(const StudyTable& table) {
  OrderedJson rows = OrderedJson::array();
  for (const TableRow& row : table.rows) {
    OrderedJson tasks = OrderedJson::object();
    for (const std::string& task : table.tasks) {
      const auto cell = row.cells.find(task);
      if (cell != row.cells.end()) tasks[task] = cell_json(cell->second);
    }
    rows.push_back({{"model", row.model}, {"method", row.method}, {"tasks", tasks}});
  }
  return {{"metric", name_of(table.metric)},
          {"unfinished", name_of(table.unfinished)},
          {"seeds", table.seeds},
          {"tasks", table.tasks},
          {"rows", rows},
          {"notes", table.notes}};
}

}  // namespace qreason
