#include "study/row_groups.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "study/at_k.h"

namespace qreason {
namespace {

// None where a part was not run.
std::vector<std::uint64_t> seeds_of_all(const Composite& composite, const TaskGroups& groups) {
  std::vector<const SeedGroup*> parts;
  for (const auto& [task, weight] : composite.parts) {
    const auto found = groups.find(std::string(task));
    if (found == groups.end()) return {};
    parts.push_back(&found->second);
  }
  return common_seeds(parts);
}

// The part's rows of these seeds behind those that are there; none where the part has none.
template <class T>
void append_rows(std::vector<std::vector<T>>& to, const std::vector<std::uint64_t>& seeds, const SeedGroup& part,
                 const std::vector<std::vector<T>>& from) {
  for (std::size_t k = 0; k < seeds.size() && !from.empty(); ++k) {
    const auto at = std::find(part.seeds.begin(), part.seeds.end(), seeds[k]) - part.seeds.begin();
    const std::vector<T>& row = from[static_cast<std::size_t>(at)];
    to[k].insert(to[k].end(), row.begin(), row.end());
  }
}

Run counted(Run run, UnfinishedThoughts unfinished) {
  if (unfinished == UnfinishedThoughts::kWrong)
    for (std::size_t i = 0; i < run.thoughts.size(); ++i)
      if (run.thoughts[i] != Thought::kEnded) run.grades[i] = 0;
  return run;
}

void compare_answers(SeedGroup& group, const SameAnswer& same) {
  const bool known = std::all_of(group.answers.begin(), group.answers.end(),
                                 [&](const auto& row) { return row.size() == group.problems(); });
  if (!same || !known) return;
  group.candidates.assign(group.seeds.size(), std::vector<int>(group.problems()));
  for (std::size_t i = 0; i < group.problems(); ++i) {
    std::vector<std::string> answers;
    for (const auto& row : group.answers) answers.push_back(row[i]);
    const std::vector<int> candidates = candidates_of(answers, same);
    for (std::size_t k = 0; k < candidates.size(); ++k) group.candidates[k][i] = candidates[k];
  }
}

}  // namespace

RowGroups group_rows(const std::vector<StudyRun>& runs, UnfinishedThoughts unfinished) {
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<Run>> lists;
  std::map<std::string, SameAnswer> same;
  for (const StudyRun& run : runs) {
    lists[{run.model, run.method, run.task}].push_back(counted(run.run, unfinished));
    if (run.same_answer) same[run.task] = run.same_answer;
  }
  RowGroups groups;
  for (const auto& [key, list] : lists) {
    const auto& [model, method, task] = key;
    SeedGroup group = group_runs(list);
    compare_answers(group, same[task]);
    groups[{model, method}][task] = std::move(group);
  }
  return groups;
}

std::optional<SeedGroup> pooled_group(const Composite& composite, const TaskGroups& groups) {
  std::map<std::string, double> weights;
  for (const auto& [task, weight] : composite.parts) weights[std::string(task)] = weight;
  SeedGroup pool;
  pool.seeds = seeds_of_all(composite, groups);
  const std::size_t seeds = pool.seeds.size();
  if (seeds == 0) return std::nullopt;
  const auto open_rows = [&](auto&... matrices) { (matrices.resize(seeds), ...); };
  open_rows(pool.grades, pool.tokens, pool.steps, pool.truncated, pool.thoughts, pool.looping, pool.in_thought,
            pool.candidates);
  double of_a_problem = 0;
  for (const auto& [task, weight] : weights) {
    const SeedGroup& part = groups.at(task);
    const double own = weight / static_cast<double>(part.problems());
    if (pool.ids.empty()) of_a_problem = own;
    if (std::abs(own - of_a_problem) > 1e-9 * own) return std::nullopt;
    for (const std::string& id : part.ids) pool.ids.push_back(task + "/" + id);
    const auto append = [&](auto& to, const auto& from) { append_rows(to, pool.seeds, part, from); };
    append(pool.grades, part.grades);
    append(pool.tokens, part.tokens);
    append(pool.steps, part.steps);
    append(pool.truncated, part.truncated);
    append(pool.thoughts, part.thoughts);
    append(pool.looping, part.looping);
    append(pool.in_thought, part.in_thought);
    append(pool.candidates, part.candidates);
  }
  return pool;
}

std::optional<SeedGroup> group_of(const TaskGroups& groups, const std::string& task) {
  if (const auto found = groups.find(task); found != groups.end()) return found->second;
  const Composite* composite = find_composite(task);
  return composite == nullptr ? std::nullopt : pooled_group(*composite, groups);
}

}  // namespace qreason
