// Grading stored generations again, without a model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/parallel.h"
#include "eval/results.h"

namespace qreason {

struct Regraded {
  ResultFile file;  // with the new grades and extracted answers
  std::int64_t correct = 0;
  std::int64_t changed = 0;  // grades that differ from those in the file
};

// By the grader of the file's task, on all cores. Error when the task is unknown.
Regraded regrade(const std::filesystem::path& path, ThreadPool& pool);

// The result files that a path means: itself, or all finished ones below a folder, sorted. Error when there is none.
std::vector<std::filesystem::path> result_files(const std::filesystem::path& path);

}  // namespace qreason
