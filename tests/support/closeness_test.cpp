#include "support/closeness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace qreason::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

bool close(std::vector<float> got, std::vector<float> want, Tolerance tolerance) {
  return static_cast<bool>(all_close(std::span<const float>(got), std::span<const float>(want), tolerance));
}

TEST(AllClose, AcceptsWhatIsWithinTheTolerance) {
  EXPECT_TRUE(close({1.0f, -2.0f}, {1.05f, -2.05f}, {.absolute = 0.06}));
  EXPECT_TRUE(close({100.0f}, {101.0f}, {.relative = 0.011}));
  EXPECT_TRUE(close({kNan, kInf}, {kNan, kInf}, {}));
}

TEST(AllClose, FailsOnErrorsOfBothSigns) {
  EXPECT_FALSE(close({1.1f}, {1.0f}, {.absolute = 0.05}));
  EXPECT_FALSE(close({0.9f}, {1.0f}, {.absolute = 0.05}));
  EXPECT_FALSE(close({-1.1f}, {-1.0f}, {.relative = 0.05}));
}

TEST(AllClose, FailsOnNanInfinityAndShape) {
  EXPECT_FALSE(close({kNan}, {1.0f}, {.absolute = 1e9}));
  EXPECT_FALSE(close({1.0f}, {kNan}, {.absolute = 1e9}));
  EXPECT_FALSE(close({kInf}, {-kInf}, {.absolute = 1e9}));
  EXPECT_FALSE(close({kInf}, {1.0f}, {.relative = 1e9}));
  EXPECT_FALSE(close({1.0f, 2.0f}, {1.0f}, {.absolute = 10}));
}

TEST(BitsEqual, TellsTheSmallestDifference) {
  const std::vector<float> one{1.0f}, next{std::nextafter(1.0f, 2.0f)}, zero{0.0f}, minus_zero{-0.0f};
  EXPECT_TRUE(bits_equal(one, one));
  EXPECT_FALSE(bits_equal(one, next));
  EXPECT_FALSE(bits_equal(zero, minus_zero));
}

}  // namespace
}  // namespace qreason::testing
