#include "cli/code_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "cli/terminal.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// `dataset_of`: what the name before "=" means.
std::map<std::string, fs::path> assigned(const std::vector<std::string>& assignments, const auto& dataset_of) {
  std::map<std::string, fs::path> files;
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals + 1 == assignment.size())
      throw Error::usage("--data", fmt::format("\"{}\"", assignment), "NAME=PATH");
    const std::string dataset = dataset_of(assignment.substr(0, equals));
    if (!files.emplace(dataset, assignment.substr(equals + 1)).second)
      throw Error::usage("--data", dataset + " twice", "each once");
  }
  return files;
}

}  // namespace

void CodeOptions::declare(OptionSet& options) {
  options.value("--test-seconds", seconds_,
                fmt::format("Processor time of a program for one test; twice that by the clock (default: {}, or what a "
                            "task's file says)",
                            kTestSeconds));
  options.value("--test-packages", packages_,
                "Folder of Python packages that programs of answers find besides the standard library, as `pip install "
                "--target` makes it; read-only, and recorded in the results");
  options.flag(
      "--allow-unsafe-execution", unsafe_,
      "Where no sandbox can be made, run programs of answers without one, under limits alone: they can read and "
      "write what you can. Recorded in the results");
}

CodeGrading CodeOptions::asked() const {
  if (seconds_ && !is_test_time(*seconds_))
    throw Error::usage("--test-seconds", fmt::format("{}", *seconds_), kTestTimes);
  CodeGrading grading{.seconds = seconds_};
  if (!packages_.empty()) {
    std::error_code failure;
    grading.place.packages = fs::canonical(packages_, failure);
    if (failure || !fs::is_directory(grading.place.packages))
      throw Error::usage("--test-packages", packages_, "a folder of Python packages");
  }
  return grading;
}

CodeGrading CodeOptions::checked() {
  CodeGrading grading = asked();
  if (unsafe_) grading.place.isolation = isolation(grading.place.packages);
  return grading;
}

std::vector<Task> CodeOptions::graded(std::vector<Task> tasks) {
  CodeGrading grading = asked();
  if (!any_programs(tasks)) return tasks;
  grading.place.isolation = isolation(grading.place.packages);
  for (Task& task : tasks) task = with_code_grading(std::move(task), grading);
  return tasks;
}

void CodeOptions::refuse_without(bool programs) const {
  if (programs || (!seconds_ && packages_.empty())) return;
  throw Error::usage(seconds_ ? "--test-seconds" : "--test-packages", "no task whose answers are programs",
                     "one, such as LiveCodeBench");
}

bool any_programs(std::span<const Task> tasks) {
  return std::any_of(tasks.begin(), tasks.end(), [](const Task& task) { return task.graded_by == GradedBy::kTests; });
}

std::vector<std::string> CodeOptions::words() const {
  std::vector<std::string> words;
  if (seconds_) words.push_back(fmt::format("--test-seconds={}", *seconds_));
  if (!packages_.empty()) words.push_back("--test-packages=" + fs::absolute(packages_).string());
  if (unsafe_) words.emplace_back("--allow-unsafe-execution");
  return words;
}

Isolation CodeOptions::isolation(const fs::path& packages) {
  if (isolation_) return *isolation_;
  const FoundIsolation found =
      find_isolation(unsafe_ ? UnsafeExecution::kAllowed : UnsafeExecution::kRefused, packages);
  if (found.isolation == Isolation::kNone)
    log_warning(fmt::format("programs run without a sandbox (--allow-unsafe-execution): {}", found.refusal));
  return *(isolation_ = found.isolation);
}

std::map<std::string, fs::path> data_files(const std::vector<std::string>& assignments, std::span<const Task> tasks) {
  return assigned(assignments, [&](const std::string& name) {
    const auto own = std::find_if(tasks.begin(), tasks.end(), [&](const Task& task) { return task.name == name; });
    if (own != tasks.end()) return own->dataset;
    const Task* task = find_task(name);
    if (task == nullptr)
      throw Error::usage("--data", fmt::format("the name \"{}\"", name),
                         fmt::format("that of a task of --tasks, or one of {}", known_task_names()));
    if (std::none_of(tasks.begin(), tasks.end(), [&](const Task& asked) { return asked.dataset == task->dataset; }))
      throw Error::usage("--data", task->name + ", which is not asked", "a task of --tasks");
    return task->dataset;
  });
}

std::map<std::string, fs::path> data_files_of_results(const std::vector<std::string>& assignments) {
  return assigned(assignments, [](const std::string& name) {
    const Task* task = find_task(name);
    return task == nullptr ? name : task->dataset;
  });
}

}  // namespace qreason
