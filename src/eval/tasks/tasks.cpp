#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "base/error.h"
#include "eval/graders/math/math_grader.h"
#include "eval/task.h"
#include "eval/tasks/gpqa.h"

namespace qreason {
namespace {

// The study's prompt for all of mathematics (evaluation.md section 2), to the byte.
std::string math_prompt(const Problem& problem) {
  return problem.question + "\n\nPlease reason step by step, and put your final answer within \\boxed{}.";
}

Grade grade_gold(std::string_view text, const Problem& problem) {
  return grade_math(text, problem.gold);
}

std::string explain_gold(std::string_view text, const Problem& problem) {
  return explain_math(text, problem.gold);
}

// Answers in a box that are graded as mathematics; the data set has the task's name.
Task math_task(const char* name) {
  return {.name = name,
          .dataset = name,
          .pose = {},
          .prompt = math_prompt,
          .grader = grade_gold,
          .explainer = explain_gold};
}

}  // namespace

std::span<const Task> task_table() {
  static const std::vector<Task> kTasks{
      math_task("AIME-90"),      math_task("AIME-2024"),  math_task("AIME-2025"),      math_task("MATH-500"),
      math_task("GSM8K"),        gpqa_diamond_task(),     math_task("NuminaMath-1.5"), math_task("steps-easy"),
      math_task("steps-medium"), math_task("steps-hard"),
  };
  return kTasks;
}

const Task* find_task(std::string_view name) {
  const DatasetSpec* dataset = find_dataset(name);
  for (const Task& task : task_table())
    if (dataset != nullptr && task.dataset == dataset->name) return &task;
  return nullptr;
}

const Task& require_task(std::string_view name) {
  if (const Task* task = find_task(name)) return *task;
  std::vector<std::string_view> known;
  for (const Task& task : task_table()) known.push_back(task.name);
  throw Error::usage("--tasks", fmt::format("\"{}\"", name), fmt::format("one of {}", fmt::join(known, ", ")));
}

}  // namespace qreason
