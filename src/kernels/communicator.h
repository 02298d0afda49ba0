// The processes that compute one model together, each with its rank.
#pragma once

#include <cstdint>

namespace qreason {

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;  // from 0
  virtual int size() const = 0;

  // all[r * count + i] = own[i] of rank r; every rank calls it with the same count. Both in the backend's memory.
  virtual void all_gather(const float* own, std::int64_t count, float* all) = 0;
};

// One process: rank 0 of 1.
Communicator& alone();

}  // namespace qreason
