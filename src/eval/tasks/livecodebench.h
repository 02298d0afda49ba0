// LiveCodeBench: programs, graded by tests.
#pragma once

#include "eval/graders/code/code_grader.h"
#include "eval/task.h"

namespace qreason {

Task livecodebench_task(const CodeGrading& grading = {});

}  // namespace qreason
