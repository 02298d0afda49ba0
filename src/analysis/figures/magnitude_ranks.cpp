#include "analysis/figures/magnitude_ranks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/error.h"

namespace qreason {
namespace {

// Magnitudes of floats are in the order of their bits without the sign. One half of these is counted at a time.
constexpr std::uint32_t kHalfBits = 16, kHalf = 1u << kHalfBits;
using Counts = std::vector<std::uint64_t>;

std::uint32_t bits_of(float value) {
  return std::bit_cast<std::uint32_t>(std::abs(value));
}

// Where the rank-th of what was counted lies, and its rank there.
std::uint32_t find_rank(const Counts& counts, std::uint64_t& rank) {
  std::uint32_t at = 0;
  for (; rank >= counts[at]; ++at) rank -= counts[at];
  return at;
}

void keep_largest(float value, std::array<float, 3>& largest) {
  for (float& kept : largest)
    if (value > kept) std::swap(value, kept);
}

}  // namespace

MagnitudeRanks magnitude_ranks(
    const std::function<void(const std::function<void(std::span<const float>)>& each)>& pass) {
  MagnitudeRanks ranks;
  Counts high(kHalf, 0), low(kHalf, 0);
  std::uint64_t count = 0;
  pass([&](std::span<const float> values) {
    for (const float value : values) {
      if (std::isnan(value)) throw Error("activations", "a number that is none (NaN)", "numbers");
      ++high[bits_of(value) >> kHalfBits];
      if (const float magnitude = std::abs(value); magnitude > ranks.largest.back())
        keep_largest(magnitude, ranks.largest);
    }
    count += values.size();
  });
  if (count == 0) throw Error("activations", "none", "at least one");
  std::uint64_t rank = (count - 1) / 2;
  const std::uint32_t half = find_rank(high, rank);
  pass([&](std::span<const float> values) {
    for (const float value : values)
      if (bits_of(value) >> kHalfBits == half) ++low[bits_of(value) % kHalf];
  });
  ranks.median = std::bit_cast<float>(half << kHalfBits | find_rank(low, rank));
  return ranks;
}

}  // namespace qreason
