#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "eval/composite.h"
#include "eval/graders/grader_table.h"
#include "eval/task.h"
#include "eval/tasks/gpqa.h"
#include "eval/tasks/livecodebench.h"
#include "eval/user_task.h"

namespace qreason {
namespace {

// The study's prompt for all of mathematics (evaluation.md section 2), to the byte.
std::string math_prompt(const Problem& problem) {
  return problem.question + "\n\nPlease reason step by step, and put your final answer within \\boxed{}.";
}

// Answers in a box that are graded as mathematics; the data set has the task's name.
Task math_task(const char* name) {
  return {.name = name,
          .dataset = name,
          .pose = {},
          .prompt = math_prompt,
          .grader = find_grader("math")->grader,
          .explainer = find_grader("math")->explainer,
          .same_answer = find_grader("math")->same_answer};
}

}  // namespace

std::span<const Task> task_table() {
  static const std::vector<Task> kTasks{
      math_task("AIME-90"),    math_task("AIME-2024"),    math_task("AIME-2025"),  math_task("MATH-500"),
      math_task("GSM8K"),      gpqa_diamond_task(),       livecodebench_task(),    math_task("NuminaMath-1.5"),
      math_task("steps-easy"), math_task("steps-medium"), math_task("steps-hard"),
  };
  return kTasks;
}

Task with_code_grading(Task task, const CodeGrading& grading) {
  if (task.graded_by != GradedBy::kTests) return task;
  CodeGrading whole = grading;
  whole.seconds = grading.seconds.value_or(task.test_seconds);
  CodeGraders graders = code_graders(whole);
  task.grader = std::move(graders.grader);
  task.explainer = std::move(graders.explainer);
  task.grading = recorded_grading(*whole.seconds, whole.place);
  return task;
}

const Task* find_task(std::string_view name) {
  const DatasetSpec* dataset = find_dataset(name);
  for (const Task& task : task_table())
    if (dataset != nullptr && task.dataset == dataset->name) return &task;
  return nullptr;
}

const Task& require_task(std::string_view name) {
  if (const Task* task = find_task(name)) return *task;
  throw Error::usage("--tasks", fmt::format("\"{}\"", name),
                     fmt::format("one of {}, or a .toml file", known_task_names()));
}

std::string known_task_names() {
  std::vector<std::string> known;
  for (const Task& task : task_table()) known.push_back(task.name);
  for (const Composite& composite : composites()) {
    std::vector<std::string_view> parts;
    for (const auto& [part, weight] : composite.parts) parts.push_back(part);
    if (composite.may_be_asked) known.push_back(fmt::format("{} ({})", composite.name, fmt::join(parts, " and ")));
  }
  return fmt::format("{}", fmt::join(known, ", "));
}

Dataset load_task_data(const Task& task, const std::optional<std::filesystem::path>& local) {
  return task.load ? task.load(local) : load_dataset(task.dataset, local);
}

std::vector<Task> tasks_named(const std::vector<std::string>& members) {
  std::vector<Task> tasks;
  const auto named = [&](std::string_view name) {
    return std::any_of(tasks.begin(), tasks.end(), [&](const Task& task) { return task.name == name; });
  };
  for (const std::string& member : members) {
    std::vector<Task> meant;
    if (const Composite* composite = find_asked_composite(member)) {
      for (const auto& [part, weight] : composite->parts) meant.push_back(require_task(part));
    } else if (member.ends_with(".toml")) {
      meant.push_back(read_user_task(member));
      if (named(meant[0].name))
        throw Error::usage(member, fmt::format("the name \"{}\" again", meant[0].name), "a name of its own");
    } else {
      meant.push_back(require_task(member));
    }
    for (Task& task : meant)
      if (!named(task.name)) tasks.push_back(std::move(task));
  }
  return tasks;
}

}  // namespace qreason
