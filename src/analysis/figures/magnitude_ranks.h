// The largest magnitudes among many numbers, and the one in the middle, exactly and without holding them.
#pragma once

#include <array>
#include <functional>
#include <span>

namespace qreason {

struct MagnitudeRanks {
  std::array<float, 3> largest{};  // descending; 0 where there are fewer numbers
  float median = 0;                // of n numbers the one with (n - 1) / 2 smaller or equal before it: the lower middle
};

// Calls `pass` twice; each time it hands all numbers, in any pieces, to its argument. NaN is an Error, as is no number.
MagnitudeRanks magnitude_ranks(
    const std::function<void(const std::function<void(std::span<const float>)>& each)>& pass);

}  // namespace qreason
