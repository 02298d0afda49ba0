// The study's way to take part of a list: Python's random.Random(42).shuffle over all of it, then the first ones, so
// that subsets agree with the published runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace qreason {

inline constexpr std::uint64_t kSubsetSeed = 42;

// Shuffles always, with or without a limit. A limit below 1 is a usage Error, one beyond the end keeps everything.
template <class T>
void take_subset(std::vector<T>& items, std::optional<std::int64_t> limit) {
  if (limit && *limit < 1) throw Error::usage("--limit", std::to_string(*limit), "at least 1");
  PythonRandom(kSubsetSeed).shuffle(items);
  if (limit && static_cast<std::uint64_t>(*limit) < items.size()) {
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(*limit), items.end());
  }
}

}  // namespace qreason
