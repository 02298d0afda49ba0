#include "report/page_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>
#include <tuple>

#include "study/table_cells.h"

namespace qreason {
namespace {

using Kind = HtmlColumn::Kind;

std::string_view row_style(const ReportRow& row) {
  return row.family.empty() ? "base" : "";
}

std::string_view difference_style(const TableCell& cell) {
  const auto comparison = comparison_of(cell);
  if (!comparison || !comparison->ci95) return "";
  if (comparison->ci95->high < 0) return "worse";
  return comparison->ci95->low > 0 ? "better" : "";
}

HtmlCell interval_cell(const std::optional<Interval>& interval, double scale) {
  return {interval_text(interval, scale), interval ? std::optional(interval->low) : std::nullopt};
}

HtmlCell count_cell(std::int64_t count) {
  return {fmt::format("{}", count), static_cast<double>(count)};
}

void add_comparison(std::vector<HtmlCell>& cells, const TableCell& cell) {
  const auto comparison = comparison_of(cell);
  if (!comparison) {
    cells.push_back({difference_text(cell)});
    for (int i = 0; i < 8; ++i) cells.push_back({kMissingCell});
    return;
  }
  const auto p_cell = [](const std::optional<double>& p) {
    return p ? HtmlCell{p_text(*p), p} : HtmlCell{kMissingCell};
  };
  const PairStatistics* pair = cell.against_baseline ? &*cell.against_baseline : nullptr;
  cells.push_back({difference_text(cell), comparison->difference, difference_style(cell)});
  cells.push_back(interval_cell(comparison->ci95, 100));
  for (const auto count : {&Flips::right_to_wrong, &Flips::wrong_to_right})
    cells.push_back(pair != nullptr && pair->flips ? count_cell(*pair->flips.*count) : HtmlCell{kMissingCell});
  cells.push_back(p_cell(comparison->p));
  cells.push_back(p_cell(cell.p_holm));
  cells.push_back({verdict_text(cell)});
  cells.push_back(number_cell(comparison->recovery_percent, 1));
  cells.push_back(number_cell(pair != nullptr ? pair->tokens.of_means : std::nullopt, 2));
}

// A hash as people compare them; the whole one is in the result files.
std::string short_hash(const std::string& hash) {
  return hash.empty() ? kMissingCell : hash.substr(0, 12);
}

std::string text_at(const OrderedJson& object, const char* outer, const char* inner) {
  if (!object.is_object() || !object.contains(outer)) return "";
  return text_or_empty(object[outer], inner);
}

std::string or_dash(const std::string& text) {
  return text.empty() ? kMissingCell : text;
}

// JSON as one line a member, for people.
std::string members_text(const OrderedJson& object) {
  std::vector<std::string> members;
  if (object.is_object())
    for (const auto& [key, value] : object.items())
      members.push_back(fmt::format("{} {}", key, value.is_string() ? value.get<std::string>() : value.dump()));
  return fmt::format("{}", fmt::join(members, ", "));
}

// Each different text with the rows that have it.
class Grouped {
 public:
  void add(const std::string& text, const std::string& row) {
    if (!text.empty() && seen_.insert({text, row}).second) rows_[text].push_back(row);
  }
  std::string list_html() const {
    std::string text = "<ul>";
    for (const auto& [value, rows] : rows_)
      text += fmt::format("<li>{}{}</li>", html(value),
                          rows_.size() == 1 ? "" : html(fmt::format(": {}", fmt::join(rows, ", "))));
    return text + "</ul>\n";
  }
  bool empty() const { return rows_.empty(); }

 private:
  std::map<std::string, std::vector<std::string>> rows_;
  std::set<std::pair<std::string, std::string>> seen_;
};

}  // namespace

HtmlTable overview_table(const ReportData& data) {
  HtmlTable table{.caption = fmt::format("Accuracy (%), {}", spread_title(data.table)),
                  .columns = {{"Method", Kind::kText},
                              {"Model", Kind::kText},
                              {"Bits", Kind::kNumber, "of codes: weights (W), activations (A), keys (K), values (V)"}},
                  .rows = {}};
  for (const std::string& task : data.table.tasks) table.columns.push_back({task});
  table.columns.push_back({"tokens", Kind::kNumber, fmt::format("mean output tokens, {}", data.main_task())});
  for (const ReportRow& row : data.rows) {
    std::vector<HtmlCell> cells{{row.table->method, std::nullopt, row_style(row)},
                                {row.table->model},
                                {row.family.empty() ? kMissingCell : bits_text(row.bits), leading_bits(row.bits)}};
    for (const std::string& task : data.table.tasks) {
      const auto found = row.table->cells.find(task);
      if (found == row.table->cells.end()) {
        cells.push_back({kMissingCell});
        continue;
      }
      const TableCell& cell = found->second;
      cells.push_back({main_cell(data.table, cell, "±"), cell.value.mean, difference_style(cell)});
    }
    const auto main = row.table->cells.find(data.main_task());
    cells.push_back(number_cell(main == row.table->cells.end() ? std::nullopt : main->second.tokens, 0));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

HtmlTable comparison_table(const ReportData& data, const std::string& task) {
  HtmlTable table{.caption = fmt::format("{}: {}, seeds {}", task, problems_text(data.table, task),
                                         fmt::join(data.table.seeds, ", ")),
                  .columns = {{"Method", Kind::kText},
                              {"Model", Kind::kText},
                              {"accuracy (%)"},
                              {"95 % interval"},
                              {"difference", Kind::kNumber, "from the baseline on the same problems, in points"},
                              {"95 % interval"},
                              {"worse", Kind::kNumber, "answers that were right and became wrong, over all seeds"},
                              {"better", Kind::kNumber, "answers that were wrong and became right, over all seeds"},
                              {"p", Kind::kNumber, "exact sign-flip test over problems"},
                              {"Holm p", Kind::kNumber, "the same, corrected for the number of comparisons"},
                              {"verdict", Kind::kText, "by the interval (by the points alone, where that is another)"},
                              {"recovery (%)", Kind::kNumber, "accuracy as a share of the baseline's"},
                              {"token ratio", Kind::kNumber, "mean output tokens over the baseline's"},
                              {"tokens", Kind::kNumber, "mean output tokens"},
                              {"truncated (%)", Kind::kNumber, "answers that ended at the limit of tokens"}},
                  .rows = {}};
  const bool loops = has_loops(data.table, task);
  if (loops) table.columns.push_back({"looping (%)", Kind::kNumber, "answers that end in a loop"});
  const bool in_thought = has_right_in_thought(data.table, task);
  if (in_thought)
    table.columns.push_back({"in thought (%)", Kind::kNumber,
                             "answers that are wrong while their thought, which came to an end, is right"});
  const bool unfinished = has_unfinished(data.table, task);
  if (unfinished) {
    table.columns.push_back({"unfinished (%)", Kind::kNumber, "thoughts that do not come to an end"});
    table.columns.push_back({other_count_title(data.table) + " (%)"});
  }
  const auto percent = [](const std::optional<double>& rate) {
    return number_cell(rate ? std::optional(100 * *rate) : std::nullopt, 1);
  };
  for (const ReportRow& row : data.rows) {
    const auto found = row.table->cells.find(task);
    if (found == row.table->cells.end()) continue;
    const TableCell& cell = found->second;
    std::vector<HtmlCell> cells{{row.table->method, std::nullopt, row_style(row)},
                                {row.table->model},
                                number_cell(cell.value.mean, 1),
                                interval_cell(cell.ci95, 1)};
    add_comparison(cells, cell);
    cells.push_back(number_cell(cell.tokens, 0));
    cells.push_back(percent(cell.truncation_rate));
    if (loops) cells.push_back(percent(cell.looping_rate));
    if (in_thought) cells.push_back(percent(cell.right_in_thought_rate));
    if (unfinished) {
      cells.push_back(percent(cell.unfinished_rate));
      cells.push_back(number_cell(other_count(data.table, cell), 1));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

HtmlTable models_table(const ReportData& data) {
  HtmlTable table{.caption = "What ran",
                  .columns = {{"Method", Kind::kText},
                              {"Model", Kind::kText},
                              {"model sha256", Kind::kText},
                              {"quantized from", Kind::kText},
                              {"format", Kind::kText},
                              {"dtype", Kind::kText},
                              {"arithmetic", Kind::kText},
                              {"bits", Kind::kText}},
                  .rows = {}};
  for (const ReportRow& row : data.rows) {
    const OrderedJson& provenance = row.header.provenance;
    table.rows.push_back({{row.table->method, std::nullopt, row_style(row)},
                          {row.table->model},
                          {short_hash(text_at(provenance, "model", "sha256"))},
                          {short_hash(text_at(provenance, "model", "original_sha256"))},
                          {or_dash(text_at(provenance, "model", "format"))},
                          {or_dash(text_at(provenance, "model", "dtype"))},
                          {or_dash(text_or_empty(provenance, "arithmetic"))},
                          {row.family.empty() ? kMissingCell : bits_text(row.bits)}});
  }
  return table;
}

HtmlTable datasets_table(const ReportData& data) {
  HtmlTable table{.caption = "What was asked",
                  .columns = {{"Task", Kind::kText},
                              {"data set", Kind::kText},
                              {"problems"},
                              {"sha256 of the problems", Kind::kText},
                              {"runs"}},
                  .rows = {}};
  std::map<std::tuple<std::string, std::string, std::string, std::int64_t>, std::int64_t> sets;
  for (std::size_t i = 0; i < data.headers.size(); ++i) {
    const OrderedJson& dataset = data.headers[i].dataset;
    ++sets[{data.headers[i].task, text_or_empty(dataset, "name"), text_or_empty(dataset, "sha256"),
            static_cast<std::int64_t>(data.runs[i].run.ids.size())}];
  }
  for (const auto& [set, runs] : sets) {
    const auto& [task, name, hash, count] = set;
    table.rows.push_back({{task}, {or_dash(name)}, count_cell(count), {short_hash(hash)}, count_cell(runs)});
  }
  return table;
}

std::string settings_html(const ReportData& data) {
  Grouped sampling, tools, devices;
  for (std::size_t i = 0; i < data.headers.size(); ++i) {
    const OrderedJson& provenance = data.headers[i].provenance;
    if (!provenance.is_object()) continue;
    const std::string row = data.runs[i].model + " " + data.runs[i].method;
    for (const auto& [key, list] :
         {std::pair{"sampling", &sampling}, std::pair{"tool", &tools}, std::pair{"device", &devices}})
      if (provenance.contains(key)) list->add(members_text(provenance[key]), row);
  }
  std::string text;
  const auto add = [&](std::string_view title, const Grouped& group) {
    if (!group.empty()) text += fmt::format("<h3>{}</h3>{}", html(title), group.list_html());
  };
  add("Sampling", sampling);
  add("Program", tools);
  add("Device", devices);
  std::string recipes;
  for (const ReportRow& row : data.rows) {
    const std::string recipe = text_or_empty(row.header.provenance, "recipe");
    if (recipe.empty()) continue;
    recipes += html_details(row.table->model + " " + row.table->method, "<pre>" + html_lines(recipe) + "</pre>");
  }
  if (!recipes.empty()) text += "<h3>Recipes</h3>" + recipes;
  return text;
}

}  // namespace qreason
