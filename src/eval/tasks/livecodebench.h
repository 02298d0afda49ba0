// LiveCodeBench: programs, graded by tests.
#pragma once

#include "eval/task.h"

namespace qreason {

Task livecodebench_task();

}  // namespace qreason
