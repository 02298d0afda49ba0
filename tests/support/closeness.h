// The one closeness helper of the tests. It is itself tested to fail (tests/support/closeness_test.cpp).
#pragma once

#include <gtest/gtest.h>

#include <span>

namespace qreason::testing {

struct Tolerance {
  double absolute = 0;
  double relative = 0;  // of the expected value's magnitude
};

// Passes when the sizes agree and |got - want| <= absolute + relative * |want| everywhere; NaN equals NaN only at the
// same index, infinities only themselves. The failure names the worst index, both values and the excess.
::testing::AssertionResult all_close(std::span<const float> got, std::span<const float> want, Tolerance tolerance);
::testing::AssertionResult all_close(std::span<const double> got, std::span<const double> want, Tolerance tolerance);

// Bit-for-bit equality, NaN payloads included; the failure names the first differing index.
::testing::AssertionResult bits_equal(std::span<const float> got, std::span<const float> want);

}  // namespace qreason::testing
