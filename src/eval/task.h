// A task: what a model is asked, and how its answer is graded. To add one: a row in tasks/tasks.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "data/dataset.h"
#include "eval/graders/code/code_grader.h"
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
  GradedBy graded_by = GradedBy::kGold;
  SameAnswer same_answer = {};         // as of its grader
  double test_seconds = kTestSeconds;  // of a program for one test, where nothing else is asked for
  OrderedJson grading = {};            // what decides grades beside the answers, for headers; null: nothing
  // Of a user's task alone: its own data (from `local` where it is given), and what its file says, for headers.
  std::function<Dataset(const std::optional<std::filesystem::path>& local)> load = {};
  OrderedJson definition = {};
};

// The data set of the task: its own, or the registry's, from `local` where it is given (data/dataset.h).
Dataset load_task_data(const Task& task, const std::optional<std::filesystem::path>& local);

// The same as it is asked for, where programs are graded.
Task with_code_grading(Task task, const CodeGrading& grading);

std::span<const Task> task_table();

// By name, whatever the case and the hyphens; nullptr for none.
const Task* find_task(std::string_view name);
// As above; a usage Error that lists the known ones.
const Task& require_task(std::string_view name);

// What the members of --tasks mean, each task once: one of the table, the parts of a composite (eval/composite.h), a
// user's .toml file (eval/user_task.h). Errors: as of require_task() and read_user_task(); two tasks of one name.
std::vector<Task> tasks_named(const std::vector<std::string>& members);
// "AIME-90, ..., AIME-120 (AIME-90 and AIME-2025), ...": what may be named, for help.
std::string known_task_names();

}  // namespace qreason
