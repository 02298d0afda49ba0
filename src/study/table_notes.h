// What a reader of a table should know of its runs.
#pragma once

#include <string>
#include <vector>

#include "study/collect.h"

namespace qreason {

// A note each of seeds that were not asked the same, rows of different arithmetic, and programs that ran without a
// sandbox.
void note_doubtful_runs(const std::vector<StudyRun>& runs, std::vector<std::string>& notes);

}  // namespace qreason
