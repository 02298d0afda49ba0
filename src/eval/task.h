// A task: what a model is asked, and how its answer is graded. To add one: a row in tasks/tasks.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "eval/graders/grade.h"

namespace qreason {

// Makes the problems of one run out of those of the data set, where they depend on a seed: the order in which choices
// are given. Ids stay; Problem::row says which row of the file a problem is, whatever the order and the limit.
using Pose = std::function<void(std::vector<Problem>& problems, std::uint64_t shuffle_seed)>;

struct Task {
  std::string name;                                           // as result files and tables write it
  std::string dataset;                                        // of the registry in data/dataset.h
  Pose pose;                                                  // empty: every run asks the same
  std::function<std::string(const Problem& problem)> prompt;  // one user turn, before the chat template
  Grader grader;
  Explainer explainer;
};

std::span<const Task> task_table();

// By name, whatever the case and the hyphens; nullptr for none.
const Task* find_task(std::string_view name);
// As above; a usage Error that lists the known ones.
const Task& require_task(std::string_view name);

}  // namespace qreason
