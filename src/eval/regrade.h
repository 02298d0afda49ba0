// Grading stored generations again, without a model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/parallel.h"
#include "eval/graders/code/code_grader.h"
#include "eval/graders/thinking.h"
#include "eval/results.h"
#include "eval/task.h"

namespace qreason {

// The task whose answers the file holds: the header's, a user's by its definition there; nullopt for an unknown one.
std::optional<Task> task_of_results(const ResultFile& file);

// Whether the same grader finds the thought of this answer right by itself, where the thought came to an end. Of tasks
// that are graded by gold alone: a thought holds many programs.
bool right_in_thought(const Task& task, const AnswerRecord& answer);

struct Regraded {
  ResultFile file;  // with the new grades and extracted answers
  std::int64_t correct = 0;
  std::int64_t changed = 0;     // grades that differ from those in the file
  std::int64_t unfinished = 0;  // answers whose thought does not come to an end
  // Wrong answers whose thought, which came to an end, the same grader finds right by itself: reached and not said.
  // nullopt for programs, of which a thought holds many.
  std::optional<std::int64_t> right_in_thought;
};

// What grading takes beside the answers, where they are programs.
struct RegradeOptions {
  UnfinishedThoughts unfinished = UnfinishedThoughts::kAsTheyStand;
  CodeGrading code = {};
  std::map<std::string, std::filesystem::path> data = {};  // local files by data set
};

// By the grader of the file's task, on all cores. Error when the task is unknown. Programs are graded by the tests of
// the data set, which must be those that the answers were given to.
Regraded regrade(const std::filesystem::path& path, ThreadPool& pool, const RegradeOptions& options = {});

// How the answer to one problem is graded, for people. nullopt: the file has no answer to it.
std::optional<std::string> explain_answer(const std::filesystem::path& path, std::string_view problem_id,
                                          const RegradeOptions& options = {});

// The result files that a path means: itself, or all finished ones below a folder, sorted. Error when there is none.
std::vector<std::filesystem::path> result_files(const std::filesystem::path& path);

}  // namespace qreason
