// Fuzz targets (fuzz/*_targets.h) over mutations from a fixed seed: the same broken bytes in every run.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/mutator.h"

namespace qreason::testing {

// Runs `target` on the bytes and on so many mutations of them; nothing but an Error may come out, which targets
// swallow.
inline void run_mutations(const std::string& bytes, int count, unsigned (*target)(std::span<const std::uint8_t>)) {
  const std::vector<std::uint8_t> seed(bytes.begin(), bytes.end());
  Mutator mutator(2504);
  ASSERT_NO_THROW(target(seed));
  for (int i = 0; i < count; ++i) ASSERT_NO_THROW(target(mutator.mutated(seed))) << "mutation " << i;
}

}  // namespace qreason::testing
