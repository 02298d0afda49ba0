#include "study/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/method_names.h"
#include "eval/composite.h"
#include "study/asked_alike.h"
#include "study/baseline.h"
#include "study/family.h"
#include "study/row_groups.h"
#include "study/table_notes.h"

namespace qreason {
namespace {

// Columns in the study's order; other tasks follow by name, composites come last.
constexpr std::array<std::string_view, 10> kTaskOrder = {"AIME-90",      "AIME-2024",    "AIME-2025",     "MATH-500",
                                                         "GSM8K",        "GPQA-Diamond", "LiveCodeBench", "steps-easy",
                                                         "steps-medium", "steps-hard"};

// Position in a given order, then by name.
std::pair<std::size_t, std::string> rank(const std::string& name, const std::vector<std::string>& order) {
  return {static_cast<std::size_t>(std::find(order.begin(), order.end(), name) - order.begin()), name};
}

double mean_of(const auto& values) {
  double sum = 0;
  for (const auto value : values) sum += static_cast<double>(value);
  return sum / static_cast<double>(values.size());
}

// The metric of each seed; empty when tokens were not recorded.
std::vector<double> metric_per_seed(const SeedGroup& group, Metric metric) {
  std::vector<double> values;
  for (std::size_t k = 0; k < group.seeds.size(); ++k) {
    if (metric == Metric::kAccuracy) values.push_back(100 * mean_of(group.grades[k]));
    if (metric == Metric::kSteps) values.push_back(mean_of(group.steps[k]));
    if (metric != Metric::kTokens) continue;
    const auto& tokens = group.tokens[k];
    if (std::any_of(tokens.begin(), tokens.end(), [](std::int64_t count) { return count < 0; })) return {};
    values.push_back(mean_of(tokens));
  }
  return values;
}

// Both ways to count unfinished thoughts; `right`: the rate of right answers in them.
void count_both(TableCell& cell, UnfinishedThoughts unfinished, double right) {
  const bool stand = unfinished == UnfinishedThoughts::kAsTheyStand;
  cell.as_they_stand = cell.value.mean + (stand ? 0 : 100 * right);
  cell.finished_only = cell.value.mean - (stand ? 100 * right : 0);
}

std::optional<TableCell> make_cell(const SeedGroup& group, const TableOptions& options) {
  const Metric metric = options.metric;
  const std::vector<double> values = metric_per_seed(group, metric);
  if (values.empty()) return std::nullopt;
  TableCell cell;
  cell.value = spread(values);
  for (std::size_t k = 0; k < values.size(); ++k) cell.per_seed[group.seeds[k]] = values[k];
  cell.problems = static_cast<std::int64_t>(group.problems());
  const GroupStatistics statistics = describe(group);
  if (metric == Metric::kAccuracy && statistics.report_ci95)
    cell.ci95 = Interval{100 * statistics.report_ci95->low, 100 * statistics.report_ci95->high};
  if (statistics.tokens) cell.tokens = statistics.tokens->mean;
  cell.truncation_rate = statistics.truncation_rate;
  cell.unfinished_rate = statistics.unfinished_rate;
  cell.looping_rate = statistics.looping_rate;
  cell.seed_disagreement = statistics.seed_disagreement;
  cell.right_in_thought_rate = statistics.right_in_thought_rate;
  if (metric == Metric::kAccuracy) cell.at_k = at_k(group, options.at_k);
  if (metric == Metric::kAccuracy) count_both(cell, options.unfinished, statistics.unfinished_right_rate);
  return cell;
}

// Of the parts, over these seeds.
double right_in_unfinished(const std::vector<CompositePart>& parts, const std::map<std::uint64_t, double>& seeds) {
  double rate = 0;
  for (const CompositePart& part : parts) {
    std::int64_t right = 0;
    for (std::size_t k = 0; k < part.group->seeds.size(); ++k)
      if (seeds.contains(part.group->seeds[k]))
        right += std::count(part.group->thoughts[k].begin(), part.group->thoughts[k].end(), Thought::kUnfinishedRight);
    rate += part.weight * static_cast<double>(right) / static_cast<double>(seeds.size() * part.group->problems());
  }
  return rate;
}

std::optional<TableCell> make_composite(const Composite& composite, const TaskGroups& groups,
                                        const TableOptions& options) {
  const Metric metric = options.metric;
  std::map<std::uint64_t, std::pair<double, std::size_t>> sums;
  std::vector<CompositePart> parts;
  TableCell cell;
  for (const auto& [task, weight] : composite.parts) {
    const auto group = groups.find(std::string(task));
    if (group == groups.end()) return std::nullopt;
    parts.push_back({weight, &group->second});
    const std::vector<double> values = metric_per_seed(group->second, metric);
    for (std::size_t k = 0; k < values.size(); ++k) {
      auto& [sum, count] = sums[group->second.seeds[k]];
      sum += weight * values[k];
      ++count;
    }
    cell.problems += static_cast<std::int64_t>(group->second.problems());
  }
  std::vector<double> complete;
  for (const auto& [seed, sum] : sums) {
    if (sum.second != parts.size()) continue;
    cell.per_seed[seed] = sum.first;
    complete.push_back(sum.first);
  }
  if (complete.empty()) return std::nullopt;
  cell.value = spread(complete);
  if (metric == Metric::kAccuracy) count_both(cell, options.unfinished, right_in_unfinished(parts, cell.per_seed));
  const auto statistics = metric == Metric::kAccuracy ? compose(parts) : std::nullopt;
  if (statistics && statistics->ci95) cell.ci95 = Interval{100 * statistics->ci95->low, 100 * statistics->ci95->high};
  if (const auto pool = pooled_group(composite, groups)) {
    const GroupStatistics all = describe(*pool);
    // Where nothing varies the parts' errors say nothing; the bound for zero events in all problems does.
    if (cell.ci95 && cell.ci95->low == cell.ci95->high && all.report_ci95)
      cell.ci95 = Interval{100 * all.report_ci95->low, 100 * all.report_ci95->high};
    if (all.tokens) cell.tokens = all.tokens->mean;
    cell.truncation_rate = all.truncation_rate;
    cell.unfinished_rate = all.unfinished_rate;
    cell.looping_rate = all.looping_rate;
    cell.seed_disagreement = all.seed_disagreement;
    cell.right_in_thought_rate = all.right_in_thought_rate;
    if (metric == Metric::kAccuracy) cell.at_k = at_k(*pool, options.at_k);
  } else if (metric == Metric::kAccuracy) {
    cell.at_k = compose_at_k(parts, options.at_k);
  }
  return cell;
}

// The origin of a row's runs, the first that is known; runs of one row that come from different models get a note.
std::map<RowKey, RunOrigin> origins_of(const std::vector<StudyRun>& runs, std::vector<std::string>& notes) {
  std::map<RowKey, RunOrigin> origins;
  std::set<RowKey> told;
  for (const StudyRun& run : runs) {
    const RowKey row(run.model, run.method);
    RunOrigin& origin = origins.emplace(row, run.origin).first->second;
    if (origin.model_sha256.empty()) origin = run.origin;
    const std::string& own = run.origin.model_sha256;
    if (own.empty() || own == origin.model_sha256 || !told.insert(row).second) continue;
    notes.push_back(fmt::format("{} {}: runs of different models under one name", run.model, run.method));
  }
  return origins;
}

// Of tasks that were compared each, by their weights; nullopt where one was not.
std::optional<CompositeDifference> weighted_difference(const Composite& composite, const TableRow& row) {
  std::vector<ComparedPart> parts;
  for (const auto& [task, weight] : composite.parts) {
    const auto cell = row.cells.find(std::string(task));
    if (cell == row.cells.end() || !cell->second.against_baseline) return std::nullopt;
    parts.push_back({weight, &*cell->second.against_baseline});
  }
  return compose_differences(parts);
}

bool all_compared(const Composite& composite, const TableRow& row) {
  return std::all_of(composite.parts.begin(), composite.parts.end(), [&](const auto& part) {
    const auto cell = row.cells.find(std::string(part.first));
    return cell != row.cells.end() && cell->second.against_baseline.has_value();
  });
}

// After the row's tasks.
void compare_composites(TableRow& row, const TaskGroups& own, const TaskGroups& baseline, const TableOptions& options) {
  for (const Composite& composite : composites()) {
    const auto found = row.cells.find(std::string(composite.name));
    if (found == row.cells.end()) continue;
    TableCell& cell = found->second;
    const auto variant = pooled_group(composite, own), base = pooled_group(composite, baseline);
    if (variant && base && variant->ids == base->ids && all_compared(composite, row)) {
      cell.against_baseline = compare(*base, *variant);
      continue;
    }
    const auto weighted = variant ? std::nullopt : weighted_difference(composite, row);
    if (!weighted) {
      cell.not_compared = "other problems";
      continue;
    }
    cell.weighted = weighted;
    const auto whole = make_composite(composite, baseline, options);
    if (options.metric == Metric::kAccuracy && whole && whole->value.mean > 0)
      cell.weighted_recovery = 100 * cell.value.mean / whole->value.mean;
  }
}

void compare_row(TableRow& row, const RowGroups& groups, const AskedAlike& asked, const TableOptions& options,
                 std::vector<std::string>& notes) {
  const RowKey key(row.model, row.method);
  const TaskGroups &own = groups.at(key), &baseline = groups.at(*row.compared_with);
  for (auto& [task, cell] : row.cells) {
    const auto variant = own.find(task);
    if (variant == own.end()) continue;
    const auto base = baseline.find(task);
    if (base == baseline.end()) {
      cell.not_compared = "not run by the baseline";
    } else if (variant->second.ids != base->second.ids || !asked.same_problems(key, *row.compared_with, task)) {
      cell.not_compared = "other problems";
      notes.push_back(
          fmt::format("{} {} {}: other problems than the baseline's, not compared", row.model, row.method, task));
    } else {
      cell.against_baseline = compare(base->second, variant->second);
      if (const std::string other = asked.difference(key, *row.compared_with, task); !other.empty())
        notes.push_back(fmt::format("{} {} {}: other {} than the baseline's, compared all the same", row.model,
                                    row.method, task, other));
    }
  }
  compare_composites(row, own, baseline, options);
}

bool has_k(const StudyTable& table, std::int64_t k) {
  const auto in_cell = [&](const auto& cell) {
    return std::any_of(cell.second.at_k.begin(), cell.second.at_k.end(), [&](const AtK& one) { return one.k == k; });
  };
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [&](const TableRow& row) { return std::any_of(row.cells.begin(), row.cells.end(), in_cell); });
}

std::vector<std::string> task_columns(const RowGroups& groups, const std::vector<TableRow>& rows) {
  std::set<std::string> present;
  for (const auto& [key, tasks] : groups)
    for (const auto& [task, group] : tasks) present.insert(task);
  const std::vector<std::string> order(kTaskOrder.begin(), kTaskOrder.end());
  std::vector<std::string> columns(present.begin(), present.end());
  std::sort(columns.begin(), columns.end(),
            [&](const auto& a, const auto& b) { return rank(a, order) < rank(b, order); });
  for (const Composite& composite : composites()) {
    const std::string name(composite.name);
    if (std::any_of(rows.begin(), rows.end(), [&](const TableRow& row) { return row.cells.contains(name); }))
      columns.push_back(name);
  }
  return columns;
}

}  // namespace

Metric parse_metric(const std::string& text) {
  for (const Metric metric : {Metric::kAccuracy, Metric::kSteps, Metric::kTokens})
    if (name_of(metric) == text) return metric;
  throw Error::usage("--metric", text, "accuracy, steps or tokens");
}

std::string_view name_of(Metric metric) {
  switch (metric) {
    case Metric::kAccuracy:
      return "accuracy";
    case Metric::kSteps:
      return "steps";
    case Metric::kTokens:
      return "tokens";
  }
  return "";
}

UnfinishedThoughts parse_unfinished(const std::string& text) {
  for (const auto unfinished : {UnfinishedThoughts::kAsTheyStand, UnfinishedThoughts::kWrong})
    if (name_of(unfinished) == text) return unfinished;
  throw Error::usage("--unfinished", text, "as-they-stand or wrong");
}

std::string_view name_of(UnfinishedThoughts unfinished) {
  return unfinished == UnfinishedThoughts::kAsTheyStand ? "as-they-stand" : "wrong";
}

StudyTable make_table(const std::vector<StudyRun>& runs, const TableOptions& options) {
  const RowGroups groups = group_rows(runs, options.unfinished);
  StudyTable table;
  table.metric = options.metric;
  table.unfinished = options.unfinished;
  table.baseline = options.baseline;
  table.at_k = options.at_k;
  const std::map<RowKey, RunOrigin> origins = origins_of(runs, table.notes);
  const BaselineChoice baselines(origins, options.baseline);
  const AskedAlike asked(runs);
  std::set<std::uint64_t> seeds;
  for (const auto& [key, tasks] : groups) {
    TableRow row{.model = key.first, .method = key.second, .compared_with = {}, .cells = {}};
    for (const auto& [task, group] : tasks) {
      seeds.insert(group.seeds.begin(), group.seeds.end());
      if (auto cell = make_cell(group, options)) row.cells.emplace(task, *std::move(cell));
    }
    for (const Composite& composite : composites())
      if (auto cell = make_composite(composite, tasks, options)) row.cells.emplace(composite.name, *std::move(cell));
    const Baseline baseline = baselines.of(key);
    if (baseline.row != nullptr) row.compared_with = *baseline.row;
    if (baseline.row != nullptr) compare_row(row, groups, asked, options, table.notes);
    for (auto& [task, cell] : row.cells)
      if (!baseline.reason.empty()) cell.not_compared = baseline.reason;
    if (!baseline.note.empty()) table.notes.push_back(baseline.note);
    table.rows.push_back(std::move(row));
  }
  note_doubtful_runs(runs, table.notes);
  for (const std::int64_t k : options.at_k)
    if (!has_k(table, k)) table.notes.push_back(fmt::format("pass@{}: no row has as many seeds", k));
  table.seeds.assign(seeds.begin(), seeds.end());
  table.tasks = task_columns(groups, table.rows);
  std::sort(table.rows.begin(), table.rows.end(), [&](const TableRow& a, const TableRow& b) {
    const auto key = [&](const TableRow& row) {
      return std::tuple(rank(row.model, options.models), !is_baseline(row.method), rank(row.method, options.methods));
    };
    return key(a) < key(b);
  });
  adjust_families(table);
  reckon_power(table);
  return table;
}

}  // namespace qreason
