#include "study/seed_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"

namespace qreason {
namespace {

void check_run(const Run& run) {
  const std::size_t n = run.ids.size();
  if (n == 0) throw Error(run.name, "no problem", "at least one");
  for (const std::size_t size : {run.grades.size(), run.tokens.size(), run.steps.size(), run.truncated.size()})
    if (size != n) throw Error(run.name, fmt::format("columns of {} and {} rows", n, size), "equal lengths");
  if (!run.thoughts.empty() && run.thoughts.size() != n)
    throw Error(run.name, fmt::format("columns of {} and {} rows", n, run.thoughts.size()), "equal lengths");
  if (!run.looping.empty() && run.looping.size() != n)
    throw Error(run.name, fmt::format("columns of {} and {} rows", n, run.looping.size()), "equal lengths");
  for (const std::size_t size : {run.in_thought.size(), run.answers.size()})
    if (size != 0 && size != n)
      throw Error(run.name, fmt::format("columns of {} and {} rows", n, size), "equal lengths");
  for (std::size_t i = 0; i < n; ++i)
    if (run.grades[i] != 0 && run.grades[i] != 1)
      throw Error(run.name, fmt::format("grade {} of problem {}", run.grades[i], run.ids[i]), "0 or 1");
}

// Rows of a run in the order of sorted ids.
std::vector<std::size_t> sorted_order(const Run& run) {
  std::vector<std::size_t> order(run.ids.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return run.ids[a] < run.ids[b]; });
  for (std::size_t i = 1; i < order.size(); ++i)
    if (run.ids[order[i]] == run.ids[order[i - 1]])
      throw Error(run.name, "problem " + run.ids[order[i]] + " twice", "each problem once");
  return order;
}

template <class T>
std::vector<T> reordered(const std::vector<T>& values, const std::vector<std::size_t>& order) {
  std::vector<T> result;
  result.reserve(order.size());
  for (const std::size_t i : order) result.push_back(values[i]);
  return result;
}

}  // namespace

std::string missing_problem(const std::vector<std::string>& from, const std::vector<std::string>& in) {
  for (const std::string& id : from)
    if (!std::binary_search(in.begin(), in.end(), id)) return id;
  return "";
}

SeedGroup group_runs(const std::vector<Run>& runs) {
  if (runs.empty()) throw Error("statistics", "no run", "at least one");
  SeedGroup group;
  std::map<std::uint64_t, std::string> seeds;  // and whose
  for (const Run& run : runs) {
    check_run(run);
    if (const auto [other, is_new] = seeds.emplace(run.seed, run.name); !is_new)
      throw Error(run.name, fmt::format("seed {} twice, also in {}", run.seed, other->second),
                  "each seed once: the folder of one of them");
    const std::vector<std::size_t> order = sorted_order(run);
    std::vector<std::string> ids = reordered(run.ids, order);
    if (group.ids.empty()) group.ids = ids;
    if (ids != group.ids) {
      const std::string only_here = missing_problem(ids, group.ids);
      const std::string only_there = missing_problem(group.ids, ids);
      throw Error(run.name,
                  fmt::format("other problems than the other seeds ({})", only_here.empty() ? only_there : only_here),
                  "the same problems for every seed");
    }
    group.seeds.push_back(run.seed);
    group.grades.push_back(reordered(run.grades, order));
    group.tokens.push_back(reordered(run.tokens, order));
    group.steps.push_back(reordered(run.steps, order));
    group.truncated.push_back(reordered(run.truncated, order));
    group.thoughts.push_back(run.thoughts.empty() ? std::vector<Thought>(order.size(), Thought::kEnded)
                                                  : reordered(run.thoughts, order));
    group.looping.push_back(run.looping.empty() ? std::vector<bool>{} : reordered(run.looping, order));
    group.in_thought.push_back(run.in_thought.empty() ? std::vector<bool>{} : reordered(run.in_thought, order));
    group.answers.push_back(run.answers.empty() ? std::vector<std::string>{} : reordered(run.answers, order));
  }
  return group;
}

std::vector<std::int64_t> right_per_problem(const SeedGroup& group) {
  std::vector<std::int64_t> right(group.problems(), 0);
  for (const auto& grades : group.grades)
    for (std::size_t i = 0; i < grades.size(); ++i) right[i] += grades[i];
  return right;
}

std::vector<std::uint64_t> common_seeds(const std::vector<const SeedGroup*>& groups) {
  std::vector<std::uint64_t> seeds = groups.at(0)->seeds;
  for (const SeedGroup* group : groups)
    std::erase_if(seeds, [&](std::uint64_t seed) {
      return std::find(group->seeds.begin(), group->seeds.end(), seed) == group->seeds.end();
    });
  return seeds;
}

bool all_recorded(const std::vector<std::vector<std::int64_t>>& values) {
  for (const auto& row : values)
    for (const std::int64_t value : row)
      if (value < 0) return false;
  return true;
}

}  // namespace qreason
