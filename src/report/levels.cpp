#include "report/levels.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "data/dataset.h"
#include "eval/task.h"

namespace qreason {
namespace {

constexpr std::array<const char*, 6> kColumns{"level",   "kind", "subject", "difficulty", "High-level domain",
                                              "platform"};
constexpr std::size_t kMostLevels = 24;

// The rows of the task's data set by id; empty where they are not here.
std::map<std::string, std::map<std::string, std::string>> rows_of(const std::string& task) {
  std::map<std::string, std::map<std::string, std::string>> rows;
  const Task* known = find_task(task);
  if (known == nullptr) return rows;
  try {
    for (Problem& problem : load_task_data(*known, std::nullopt).problems)
      rows.emplace(std::move(problem.id), std::move(problem.fields));
  } catch (const Error&) {
    rows.clear();
  }
  return rows;
}

std::set<std::string> ids_of(const ReportData& data, const std::string& task) {
  std::set<std::string> ids;
  for (const StudyRun& run : data.runs)
    if (run.task == task) ids.insert(run.run.ids.begin(), run.run.ids.end());
  return ids;
}

}  // namespace

std::vector<LevelColumn> level_columns(const ReportData& data) {
  std::vector<LevelColumn> result;
  for (const std::string& task : data.table.tasks) {
    const auto rows = rows_of(task);
    const std::set<std::string> ids = ids_of(data, task);
    for (const char* name : kColumns) {
      LevelColumn column{.task = task, .column = name, .levels = {}, .of_id = {}};
      std::set<std::string> levels;
      for (const std::string& id : ids) {
        const auto row = rows.find(id);
        if (row == rows.end() || !row->second.contains(name)) break;
        column.of_id[id] = row->second.at(name);
        levels.insert(row->second.at(name));
      }
      if (column.of_id.size() != ids.size() || levels.size() < 2 || levels.size() > kMostLevels) continue;
      column.levels.assign(levels.begin(), levels.end());
      result.push_back(std::move(column));
    }
  }
  return result;
}

}  // namespace qreason
