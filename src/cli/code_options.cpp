#include "cli/code_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "cli/terminal.h"

namespace qreason {

void CodeOptions::declare(OptionSet& options) {
  options.value("--test-seconds", seconds_, "Processor time of a program for one test; twice that by the clock");
  options.flag(
      "--allow-unsafe-execution", unsafe_,
      "Where no sandbox can be made, run programs of answers without one, under limits alone: they can read and "
      "write what you can. Recorded in the results");
}

CodeGrading CodeOptions::checked() {
  if (!(seconds_ >= 0.1 && seconds_ <= 3600))
    throw Error::usage("--test-seconds", fmt::format("{}", seconds_), "0.1 to 3600");
  return {.seconds = seconds_, .isolation = unsafe_ ? isolation() : Isolation::kSandbox};
}

std::vector<Task> CodeOptions::graded(std::vector<Task> tasks) {
  const CodeGrading grading = checked();
  if (std::none_of(tasks.begin(), tasks.end(), [](const Task& task) { return task.graded_by == GradedBy::kTests; }))
    return tasks;
  isolation();
  for (Task& task : tasks) task = with_code_grading(std::move(task), grading);
  return tasks;
}

Isolation CodeOptions::isolation() {
  if (isolation_) return *isolation_;
  const FoundIsolation found = find_isolation(unsafe_ ? UnsafeExecution::kAllowed : UnsafeExecution::kRefused);
  if (found.isolation == Isolation::kNone)
    log_warning(fmt::format("programs run without a sandbox (--allow-unsafe-execution): {}", found.refusal));
  return *(isolation_ = found.isolation);
}

std::map<std::string, std::filesystem::path> data_files(const std::vector<std::string>& assignments,
                                                        std::span<const Task> tasks) {
  std::map<std::string, std::filesystem::path> files;
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) throw Error::usage("--data", assignment, "NAME=PATH");
    const std::string name = assignment.substr(0, equals);
    const auto own = std::find_if(tasks.begin(), tasks.end(), [&](const Task& task) { return task.name == name; });
    files[own == tasks.end() ? require_task(name).dataset : own->dataset] = assignment.substr(equals + 1);
  }
  return files;
}

}  // namespace qreason
