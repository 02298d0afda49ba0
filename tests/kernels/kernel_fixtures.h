// Shared by the kernel tests: random data, every instruction set of the machine, pools of several sizes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/executor.h"
#include "support/forced_isa.h"

namespace qreason::testing {

inline std::vector<float> normal_floats(std::size_t count, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(), [&] { return normal(generator); });
  return values;
}

// Calls body(executor) under every instruction set of the machine, with a trace that names it.
template <class Body>
void on_every_isa(Body&& body) {
  Executor executor(2);
  for (const Isa isa : supported_isas()) {
    SCOPED_TRACE(std::string(name_of(isa)));
    const ForcedIsa forced(isa);
    body(executor);
  }
}

}  // namespace qreason::testing
