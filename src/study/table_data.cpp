// How tables are written for programs: CSV and JSON, with everything that is known.
#include <fmt/format.h>
#include <fmt/ranges.h>

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

using Field = std::pair<std::string, std::string>;  // a column's name and its value in one line

// The columns of one cell. New ones join at the end: others read these by position.
std::vector<Field> csv_fields(const StudyTable& table, const TableRow& row, const std::string& task,
                              const TableCell& cell) {
  return {{"model", csv_field(row.model)},
          {"method", csv_field(row.method)},
          {"task", csv_field(task)},
          {"metric", std::string(name_of(table.metric))},
          {"mean", exact(cell.value.mean)},
          {"std", exact(cell.value.std)},
          {"n_seeds", std::to_string(cell.per_seed.size())},
          {"n_problems", std::to_string(cell.problems)},
          {"ci95_low", cell.ci95 ? exact(cell.ci95->low) : ""},
          {"ci95_high", cell.ci95 ? exact(cell.ci95->high) : ""},
          {"output_tokens", exact(cell.tokens)},
          {"truncation_rate", exact(cell.truncation_rate)},
          {"unfinished_rate", exact(cell.unfinished_rate)},
          {"accuracy_as_they_stand", exact(cell.as_they_stand)},
          {"accuracy_finished_only", exact(cell.finished_only)}};
}

// Of the comparison, empty where there is none; p_mcnemar holds one p a seed, separated by spaces.
std::vector<Field> csv_comparison(const TableCell& cell) {
  const auto comparison = comparison_of(cell);
  const PairStatistics* pair = cell.against_baseline ? &*cell.against_baseline : nullptr;
  const auto low = [](const std::optional<Interval>& value) { return value ? exact(100 * value->low) : ""; };
  const auto high = [](const std::optional<Interval>& value) { return value ? exact(100 * value->high) : ""; };
  const auto ci95 = comparison ? comparison->ci95 : std::nullopt;
  std::vector<double> mcnemar;
  if (pair != nullptr)
    for (const McNemar& test : pair->mcnemar) mcnemar.push_back(test.p_exact);
  const bool flips = pair != nullptr && pair->flips;
  return {{"difference", comparison ? exact(100 * comparison->difference) : ""},
          {"difference_low", low(ci95)},
          {"difference_high", high(ci95)},
          {"p_sign_flip", comparison ? exact(comparison->p) : ""},
          {"right_to_wrong", flips ? std::to_string(pair->flips->right_to_wrong) : ""},
          {"wrong_to_right", flips ? std::to_string(pair->flips->wrong_to_right) : ""},
          {"recovery_percent", comparison ? exact(comparison->recovery_percent) : ""},
          {"token_ratio", pair != nullptr ? exact(pair->tokens.of_means) : ""},
          {"p_mcnemar", fmt::format("{}", fmt::join(mcnemar, " "))},
          {"p_holm", exact(cell.p_holm)},
          {"p_benjamini_hochberg", exact(cell.p_benjamini_hochberg)},
          {"p_stratified", pair != nullptr ? exact(pair->p_stratified) : ""},
          {"bca_low", pair != nullptr && pair->bootstrap ? exact(100 * pair->bootstrap->bca.low) : ""},
          {"bca_high", pair != nullptr && pair->bootstrap ? exact(100 * pair->bootstrap->bca.high) : ""},
          {"verdict_by_points", comparison ? std::string(name_of(comparison->by_points)) : ""},
          {"verdict_by_interval",
           comparison && comparison->by_interval ? std::string(name_of(*comparison->by_interval)) : ""},
          {"token_ratio_se", pair != nullptr ? exact(pair->tokens.of_means_se) : ""},
          {"token_ratio_both_right", pair != nullptr ? exact(pair->tokens.of_means_both_right) : ""},
          {"looping_rate", exact(cell.looping_rate)},
          {"seed_disagreement", exact(cell.seed_disagreement)},
          {"right_in_thought_rate", exact(cell.right_in_thought_rate)}};
}

std::vector<Field> csv_at_k(const StudyTable& table, const TableCell& cell) {
  std::vector<Field> fields;
  for (const AtKColumn& column : at_k_columns(table)) {
    const auto value = column.of(cell, column.k);
    const auto ci95 = value ? value->ci95 : std::nullopt;
    fields.emplace_back(column.name, value ? exact(value->percent) : "");
    fields.emplace_back(column.name + "_low", ci95 ? exact(ci95->low) : "");
    fields.emplace_back(column.name + "_high", ci95 ? exact(ci95->high) : "");
  }
  return fields;
}

std::vector<Field> csv_published(const TableCell& cell) {
  if (!cell.published)
    return {
        {"published_mean", ""}, {"published_std", ""}, {"published_difference", ""}, {"published_standard_errors", ""}};
  const auto& [published, difference] = *cell.published;
  return {{"published_mean", exact(published.mean)},
          {"published_std", exact(published.std)},
          {"published_difference", exact(difference.difference)},
          {"published_standard_errors", exact(difference.standard_errors)}};
}

std::vector<Field> csv_line(const StudyTable& table, const TableRow& row, const std::string& task,
                            const TableCell& cell) {
  std::vector<Field> fields = csv_fields(table, row, task, cell);
  for (Field& field : csv_comparison(cell)) fields.push_back(std::move(field));
  if (table.published)
    for (Field& field : csv_published(cell)) fields.push_back(std::move(field));
  for (Field& field : csv_at_k(table, cell)) fields.push_back(std::move(field));
  return fields;
}

OrderedJson json_or_null(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}
OrderedJson json_or_null(const std::optional<Interval>& value, double scale) {
  return value ? OrderedJson{scale * value->low, scale * value->high} : OrderedJson(nullptr);
}

OrderedJson verdict_json(const std::optional<Verdict>& verdict) {
  return verdict ? OrderedJson(name_of(*verdict)) : OrderedJson(nullptr);
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
  const TokenRatios& tokens = pair.tokens;
  return {{"difference", 100 * pair.difference},
          {"ci95", json_or_null(pair.report_ci95, 100)},
          {"p_sign_flip", pair.p_sign_flip},
          {"p_t", json_or_null(pair.p_t)},
          {"mcnemar", tests},
          {"flips", flips},
          {"recovery_percent", json_or_null(pair.recovery_percent)},
          {"token_ratio", json_or_null(tokens.of_means)},
          {"token_ratio_se", json_or_null(tokens.of_means_se)},
          {"token_ratio_mean_of_ratios", json_or_null(tokens.mean_of_ratios)},
          {"token_ratio_both_right", json_or_null(tokens.of_means_both_right)},
          {"p_stratified", pair.p_stratified},
          {"bca95", pair.bootstrap ? json_or_null(pair.bootstrap->bca, 100) : OrderedJson(nullptr)},
          {"verdict_by_points", name_of(pair.verdict_by_points)},
          {"verdict_by_interval", verdict_json(pair.verdict_by_interval)}};
}

OrderedJson weighted_json(const CompositeDifference& weighted, const std::optional<double>& recovery) {
  return {{"difference", 100 * weighted.difference},
          {"ci95", json_or_null(weighted.ci95, 100)},
          {"p_sign_flip", weighted.sign_flip.p},
          {"p_is_exact", weighted.sign_flip.exact},
          {"recovery_percent", json_or_null(recovery)},
          {"verdict_by_points", name_of(weighted.verdict_by_points)},
          {"verdict_by_interval", verdict_json(weighted.verdict_by_interval)}};
}

OrderedJson published_json(const PublishedCell& cell) {
  return {{"mean", cell.published.mean},
          {"std", json_or_null(cell.published.std)},
          {"n_seeds", cell.published.seeds},
          {"difference", cell.difference.difference},
          {"standard_errors", json_or_null(cell.difference.standard_errors)},
          {"p_welch", json_or_null(cell.difference.p_welch)}};
}

OrderedJson at_k_json(const std::vector<AtK>& values) {
  OrderedJson list = OrderedJson::array();
  for (const AtK& value : values)
    list.push_back({{"k", value.k},
                    {"pass", 100 * value.pass},
                    {"pass_ci95", json_or_null(value.pass_ci95, 100)},
                    {"majority", value.majority ? OrderedJson(100 * *value.majority) : OrderedJson(nullptr)},
                    {"majority_ci95", json_or_null(value.majority_ci95, 100)},
                    {"gain", value.gain ? OrderedJson(100 * *value.gain) : OrderedJson(nullptr)},
                    {"gain_ci95", json_or_null(value.gain_ci95, 100)}});
  return list;
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
  json["looping_rate"] = json_or_null(cell.looping_rate);
  json["seed_disagreement"] = json_or_null(cell.seed_disagreement);
  json["right_in_thought_rate"] = json_or_null(cell.right_in_thought_rate);
  if (!cell.at_k.empty()) json["at_k"] = at_k_json(cell.at_k);
  json["against_baseline"] = cell.against_baseline ? pair_json(*cell.against_baseline)
                             : cell.weighted       ? weighted_json(*cell.weighted, cell.weighted_recovery)
                                                   : OrderedJson(nullptr);
  if (comparison_of(cell)) {
    json["against_baseline"]["p_holm"] = json_or_null(cell.p_holm);
    json["against_baseline"]["p_benjamini_hochberg"] = json_or_null(cell.p_benjamini_hochberg);
  }
  if (cell.published) json["published"] = published_json(*cell.published);
  if (!cell.not_compared.empty()) json["not_compared"] = cell.not_compared;
  return json;
}

}  // namespace

std::string to_csv(const StudyTable& table) {
  const auto joined = [](const std::vector<Field>& fields, auto member) {
    std::string line;
    for (const Field& field : fields) line += fmt::format("{}{}", line.empty() ? "" : ",", field.*member);
    return line + "\n";
  };
  std::string text = joined(csv_line(table, {}, "", {}), &Field::first);
  for (const TableRow& row : table.rows) {
    for (const std::string& task : table.tasks) {
      const auto found = row.cells.find(task);
      if (found != row.cells.end()) text += joined(csv_line(table, row, task, found->second), &Field::second);
    }
  }
  return text;
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
  OrderedJson power = OrderedJson::object();
  for (const auto& [task, one] : table.power)
    power[task] = {{"variance", one.variance}, {"seeds", one.seeds},           {"needed_for_one_point", one.needed},
                   {"problems", one.problems}, {"detectable", one.detectable}, {"power", kPower}};
  return {{"metric", name_of(table.metric)},
          {"unfinished", name_of(table.unfinished)},
          {"seeds", table.seeds},
          {"tasks", table.tasks},
          {"rows", rows},
          {"power", power},
          {"notes", table.notes}};
}

}  // namespace qreason
