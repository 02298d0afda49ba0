// How tables are written: Markdown, CSV, JSON, LaTeX.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "study/table.h"

namespace qreason {
namespace {

constexpr const char* kMissing = "-";

std::string number(double value, int decimals) {
  // "-0.0" says nothing.
  const double scale = std::pow(10.0, decimals);
  return fmt::format("{:.{}f}", std::round(value * scale) == 0 ? 0.0 : value, decimals);
}
std::string number(const std::optional<double>& value, int decimals) {
  return value ? number(*value, decimals) : kMissing;
}

std::string p_text(double p) {
  return p < 0.001 ? "<0.001" : fmt::format("{:.3f}", p);
}

// Shortest digits that read back as the same double; empty where not defined.
std::string exact(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

int decimals_of(Metric metric) {
  return metric == Metric::kTokens ? 0 : 1;
}

std::string main_cell(const StudyTable& table, const TableCell& cell, std::string_view plus_minus) {
  std::string text = number(cell.value.mean, decimals_of(table.metric));
  if (cell.value.std) text += fmt::format(" {} {}", plus_minus, number(*cell.value.std, decimals_of(table.metric)));
  if (cell.per_seed.size() < table.seeds.size())
    text += fmt::format(" ({}/{} seeds)", cell.per_seed.size(), table.seeds.size());
  return text;
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
  return text;
}

std::string title(Metric metric) {
  switch (metric) {
    case Metric::kAccuracy:
      return "Accuracy (%)";
    case Metric::kSteps:
      return "Reasoning steps";
    case Metric::kTokens:
      return "Output tokens";
  }
  return "";
}

std::string main_table(const StudyTable& table) {
  std::vector<std::string> titles = {"Model", "Method"};
  titles.insert(titles.end(), table.tasks.begin(), table.tasks.end());
  std::string text = fmt::format("**{}**, mean ± standard deviation over {} seed{} ({})\n\n", title(table.metric),
                                 table.seeds.size(), table.seeds.size() == 1 ? "" : "s", fmt::join(table.seeds, ", "));
  text += markdown_head(titles, 2);
  for (const TableRow& row : table.rows) {
    std::vector<std::string> cells = {escaped_markdown(row.model), escaped_markdown(row.method)};
    for (const std::string& task : table.tasks) {
      const auto cell = row.cells.find(task);
      cells.push_back(cell == row.cells.end() ? kMissing : main_cell(table, cell->second, "±"));
    }
    text += markdown_row(cells);
  }
  return text;
}

std::string interval_text(const std::optional<Interval>& interval, double scale) {
  if (!interval) return kMissing;
  return fmt::format("{} to {}", number(scale * interval->low, 1), number(scale * interval->high, 1));
}

// Difference, its interval, flips, tests: "-" in the unquantized model's row.
std::vector<std::string> paired_cells(const std::optional<PairStatistics>& pair) {
  if (!pair) return std::vector<std::string>(6, kMissing);
  std::vector<std::string> mcnemar;
  for (const McNemar& test : pair->mcnemar) mcnemar.push_back(p_text(test.p_exact));
  return {number(100 * pair->difference, 1),
          interval_text(pair->report_ci95, 100),
          pair->flips ? fmt::format("{}", pair->flips->right_to_wrong) : kMissing,
          pair->flips ? fmt::format("{}", pair->flips->wrong_to_right) : kMissing,
          p_text(pair->p_sign_flip),
          mcnemar.empty() ? kMissing : fmt::format("{}", fmt::join(mcnemar, " "))};
}

std::string problems_text(const StudyTable& table, const std::string& task) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max(), most = 0;
  for (const TableRow& row : table.rows) {
    const auto cell = row.cells.find(task);
    if (cell == row.cells.end()) continue;
    least = std::min(least, cell->second.problems);
    most = std::max(most, cell->second.problems);
  }
  return least < most ? fmt::format("{} to {} problems", least, most) : fmt::format("{} problems", most);
}

std::string task_table(const StudyTable& table, const std::string& task) {
  std::string text =
      fmt::format("\n**{}**, {}, seeds {}\n\n", task, problems_text(table, task), fmt::join(table.seeds, ", "));
  text += markdown_head({"Model", "Method", "accuracy", "95 % interval", "difference", "95 % interval", "worse",
                         "better", "p", "McNemar p", "tokens", "truncated"},
                        2);
  for (const TableRow& row : table.rows) {
    const auto found = row.cells.find(task);
    if (found == row.cells.end()) continue;
    const TableCell& cell = found->second;
    std::vector<std::string> cells = {escaped_markdown(row.model), escaped_markdown(row.method),
                                      number(cell.value.mean, 1), interval_text(cell.ci95, 1)};
    for (std::string& compared : paired_cells(cell.against_baseline)) cells.push_back(std::move(compared));
    cells.push_back(number(cell.tokens, 0));
    cells.push_back(cell.truncation_rate ? number(100 * *cell.truncation_rate, 1) + " %" : kMissing);
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
        cells.push_back(cell.per_seed.contains(seed) ? number(cell.per_seed.at(seed), decimals) : kMissing);
      cells.push_back(number(cell.value.mean, decimals));
      cells.push_back(number(cell.value.std, decimals));
      cells.push_back(fmt::format("{}", cell.per_seed.size()));
      cells.push_back(number(cell.tokens, 0));
      cells.push_back(cell.truncation_rate ? number(100 * *cell.truncation_rate, 1) + " %" : kMissing);
      text += markdown_row(cells);
    }
  }
  return text;
}

constexpr const char* kLegend =
    "\nAgainst the unquantized model, on the same problems: difference in points; answers that became worse (right to "
    "wrong) and better, over all seeds; p: exact sign-flip test over problems, all seeds together; McNemar p: exact, "
    "seed by seed.\n";

std::string notes_text(const StudyTable& table) {
  std::string text;
  for (const std::string& note : table.notes) text += "\nNote: " + note + "\n";
  return text;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
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
  fields[7] = exact(pair->token_ratio_of_means);
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
          {"token_ratio", json_or_null(pair.token_ratio_of_means)}};
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
                      {"truncation_rate", json_or_null(cell.truncation_rate)}};
  json["against_baseline"] = cell.against_baseline ? pair_json(*cell.against_baseline) : OrderedJson(nullptr);
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
    text += kLegend;
  }
  return text + notes_text(table);
}

std::string to_markdown(const StudyTable& table) {
  return to_summary(table) + seeds_table(table);
}

std::string to_csv(const StudyTable& table) {
  std::string text =
      "model,method,task,metric,mean,std,n_seeds,n_problems,ci95_low,ci95_high,output_tokens,truncation_rate,"
      "difference,difference_low,difference_high,p_sign_flip,right_to_wrong,wrong_to_right,recovery_percent,"
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
                                         exact(cell.truncation_rate)};
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
      text += " & " + (cell == row.cells.end() ? std::string(kMissing) : main_cell(table, cell->second, "$\\pm$"));
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
          {"seeds", table.seeds},
          {"tasks", table.tasks},
          {"rows", rows},
          {"notes", table.notes}};
}

}  // namespace qreason
