// What a process and all that descend from it take.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace qreason {

struct TreeUsage {
  std::uint64_t memory_bytes = 0;  // anonymous and shared memory that is resident or swapped out; not files
  double cpu_seconds = 0;          // of the living, and of the dead whose parents have taken notice
  std::int64_t tasks = 0;          // threads of all processes
};

// Of `root` and its descendants as /proc shows them now; processes that end meanwhile count as far as they were seen.
TreeUsage measure_tree(pid_t root);

}  // namespace qreason
