#include "support/closeness.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace qreason::testing {
namespace {

template <class T>
::testing::AssertionResult compare(std::span<const T> got, std::span<const T> want, Tolerance tolerance) {
  if (got.size() != want.size()) {
    return ::testing::AssertionFailure() << fmt::format("{} values, expected {}", got.size(), want.size());
  }
  double worst = 0;
  std::size_t worst_index = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double a = got[i], b = want[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const bool comparable = std::isfinite(a) && std::isfinite(b);
    const double excess = comparable ? std::abs(a - b) - (tolerance.absolute + tolerance.relative * std::abs(b))
                                     : std::numeric_limits<double>::infinity();
    if (excess > worst) {
      worst = excess;
      worst_index = i;
    }
  }
  if (worst == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << fmt::format("at {}: got {:.9g}, expected {:.9g}, {:.3g} beyond the tolerance",
                                                      worst_index, got[worst_index], want[worst_index], worst);
}

}  // namespace

::testing::AssertionResult all_close(std::span<const float> got, std::span<const float> want, Tolerance tolerance) {
  return compare(got, want, tolerance);
}

::testing::AssertionResult all_close(std::span<const double> got, std::span<const double> want, Tolerance tolerance) {
  return compare(got, want, tolerance);
}

::testing::AssertionResult bits_equal(std::span<const float> got, std::span<const float> want) {
  if (got.size() != want.size()) {
    return ::testing::AssertionFailure() << fmt::format("{} values, expected {}", got.size(), want.size());
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(got[i]) != std::bit_cast<std::uint32_t>(want[i])) {
      return ::testing::AssertionFailure() << fmt::format("at {}: got {:a}, expected {:a}", i, got[i], want[i]);
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace qreason::testing
