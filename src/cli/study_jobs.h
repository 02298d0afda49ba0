// How many cells of a study are worked on side by side.
#pragma once

#include <cstdint>

namespace qreason {

struct JobLimits {
  int threads = 1;                // that the process may use
  std::uint64_t memory = 0;       // free, bytes
  std::uint64_t model_bytes = 0;  // weights of the largest model as files hold them
};

// One for every thread while the models are small (a larger one keeps all threads busy by itself, and a model more in
// memory gains nothing) and each job finds what it needs: a copy of the model in float32 to calibrate, its rows, packed
// forms of it and of the unquantized one, and a cache.
int side_by_side_jobs(const JobLimits& limits);

}  // namespace qreason
