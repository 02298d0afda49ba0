// Rows of a matrix in parallel, some to a task.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/executor.h"

namespace qreason {

// task(row) once for every row; rows are worked on in any order, side by side.
template <class Task>
void for_each_row(std::int64_t rows, Executor& executor, Task task) {
  constexpr std::int64_t kRowsPerTask = 16;
  executor.run((rows + kRowsPerTask - 1) / kRowsPerTask, [&](std::int64_t chunk) {
    const std::int64_t end = std::min(rows, (chunk + 1) * kRowsPerTask);
    for (std::int64_t row = chunk * kRowsPerTask; row < end; ++row) task(row);
  });
}

}  // namespace qreason
