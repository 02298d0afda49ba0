#include "study/table_notes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "study/asked_alike.h"

namespace qreason {
namespace {

// Seeds that are averaged were asked the same, with the same settings; where they were not, a note says so.
void note_mixed_settings(const std::vector<StudyRun>& runs, std::vector<std::string>& notes) {
  using Told = std::pair<const char*, std::string RunOrigin::*>;
  for (const auto& [what, member] : {Told("sampling settings", &RunOrigin::sampling), Told("dtypes", &RunOrigin::dtype),
                                     Told("problems", &RunOrigin::dataset_sha256)}) {
    std::map<std::tuple<std::string, std::string, std::string>, std::set<std::string>> rows;
    for (const StudyRun& run : runs)
      if (!(run.origin.*member).empty()) rows[{run.model, run.method, run.task}].insert(run.origin.*member);
    for (const auto& [row, values] : rows)
      if (values.size() > 1)
        notes.push_back(fmt::format("{} {} {}: seeds with different {}{}, averaged all the same", std::get<0>(row),
                                    std::get<1>(row), std::get<2>(row), what,
                                    member == &RunOrigin::sampling ? differing_settings(values) : ""));
  }
}

// Answers of different classes differ by rounding alone; such rows are no fair comparison.
void note_mixed_arithmetic(const std::vector<StudyRun>& runs, std::vector<std::string>& notes) {
  std::map<std::string, std::set<std::string>> rows;  // by class
  for (const StudyRun& run : runs)
    if (!run.origin.arithmetic.empty()) rows[run.origin.arithmetic].insert(run.model + " " + run.method);
  if (rows.size() < 2) return;
  std::string text = "rows mix classes of arithmetic, whose answers differ by rounding alone:";
  for (const auto& [arithmetic, names] : rows)
    text += fmt::format("{} {} ({})", text.ends_with(':') ? "" : ",", arithmetic, fmt::join(names, ", "));
  notes.push_back(text);
}

void note_unsafe_execution(const std::vector<StudyRun>& runs, std::vector<std::string>& notes) {
  std::set<std::string> rows;
  for (const StudyRun& run : runs)
    if (run.origin.sandbox == "none") rows.insert(fmt::format("{} {} {}", run.model, run.method, run.task));
  if (!rows.empty())
    notes.push_back(
        fmt::format("programs ran without a sandbox (--allow-unsafe-execution) and could have read the "
                    "tests: {}",
                    fmt::join(rows, ", ")));
}

}  // namespace

void note_doubtful_runs(const std::vector<StudyRun>& runs, std::vector<std::string>& notes) {
  note_mixed_settings(runs, notes);
  note_mixed_arithmetic(runs, notes);
  note_unsafe_execution(runs, notes);
}

}  // namespace qreason
