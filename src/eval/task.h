// A task: what a model is asked, and how its answer is graded. To add one: a row in tasks/tasks.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "data/dataset.h"
#include "eval/graders/grade.h"

namespace qreason {

struct Task {
  std::string_view name;                          // as result files and tables write it
  std::string_view dataset;                       // of the registry in data/dataset.h
  std::string (*prompt)(const Problem& problem);  // one user turn, before the chat template
  Grader grader;
  Explainer explainer;
};

std::span<const Task> task_table();

// By name, whatever the case and the hyphens; nullptr for none.
const Task* find_task(std::string_view name);
// As above; a usage Error that lists the known ones.
const Task& require_task(std::string_view name);

}  // namespace qreason
