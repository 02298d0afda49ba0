// The tasks of several weights that share their rows, in one parallel region.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/executor.h"

namespace qreason {

// Calls task(target, index in the target) for the target.task_count() tasks of every target; on the caller's thread
// alone where `work`, in multiply-adds, is less than `serial_work`: it is done before a second thread has started.
template <class Target, class Task>
void run_product_tasks(std::span<const Target> targets, std::int64_t work, std::int64_t serial_work, Executor& executor,
                       Task&& task) {
  std::int64_t count = 0;
  for (const Target& target : targets) count += target.task_count();
  const auto one = [&](std::int64_t index) {
    const Target* target = targets.data();
    while (index >= target->task_count()) index -= (target++)->task_count();
    task(*target, index);
  };
  if (work < serial_work) {
    for (std::int64_t i = 0; i < count; ++i) one(i);
  } else {
    executor.run(count, one);
  }
}

}  // namespace qreason
