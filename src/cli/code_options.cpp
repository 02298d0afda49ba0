#include "cli/code_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace qreason {

void CodeOptions::declare(OptionSet& options) {
  options.value("--test-seconds", seconds_, "Processor time of a program for one test; twice that by the clock");
}

CodeGrading CodeOptions::checked() const {
  if (!(seconds_ >= 0.1 && seconds_ <= 3600))
    throw Error::usage("--test-seconds", fmt::format("{}", seconds_), "0.1 to 3600");
  return {.seconds = seconds_};
}

void require_sandbox_for(std::span<const Task> tasks) {
  if (std::any_of(tasks.begin(), tasks.end(), [](const Task& task) { return task.graded_by == GradedBy::kTests; }))
    require_sandbox();
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
