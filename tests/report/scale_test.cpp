// Scales and ticks, worked by hand.
#include "report/scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qreason {
namespace {
using ::testing::ElementsAre;

std::vector<std::string> texts(const Scale& scale, int count) {
  std::vector<std::string> result;
  for (const Tick& tick : ticks(scale, count)) result.push_back(tick.text);
  return result;
}

TEST(Scale, MapsNumbersToPixels) {
  const Scale linear{.kind = ScaleKind::kLinear, .low = -10, .high = 10, .begin = 100, .end = 300};
  EXPECT_DOUBLE_EQ(linear.at(-10), 100);
  EXPECT_DOUBLE_EQ(linear.at(0), 200);
  EXPECT_DOUBLE_EQ(linear.at(10), 300);
  const Scale falling{.kind = ScaleKind::kLinear, .low = 0, .high = 4, .begin = 80, .end = 0};
  EXPECT_DOUBLE_EQ(falling.at(1), 60);
  const Scale log{.kind = ScaleKind::kLog, .low = 1, .high = 100, .begin = 0, .end = 50};
  EXPECT_DOUBLE_EQ(log.at(10), 25);
}

TEST(Scale, TicksAreRound) {
  EXPECT_THAT(texts({.kind = ScaleKind::kLinear, .low = 0, .high = 100}, 5),
              ElementsAre("0", "20", "40", "60", "80", "100"));
  EXPECT_THAT(texts({.kind = ScaleKind::kLinear, .low = -5, .high = 2.5}, 3), ElementsAre("-5", "0"));
  EXPECT_THAT(texts({.kind = ScaleKind::kLinear, .low = -0.2, .high = 0.1}, 3),
              ElementsAre("-0.2", "-0.1", "0.0", "0.1"));
  EXPECT_THAT(texts({.kind = ScaleKind::kLog, .low = 0.9, .high = 30}, 6), ElementsAre("1", "2", "5", "10", "20"));
  EXPECT_THAT(texts({.kind = ScaleKind::kLog, .low = 0.01, .high = 1000}, 6),
              ElementsAre("0.01", "0.1", "1", "10", "100", "1000"));
}

TEST(Scale, IsRoundedOutwards) {
  const Scale scale = rounded_scale(ScaleKind::kLinear, 12.3, 77.6, 6);
  EXPECT_DOUBLE_EQ(scale.low, 0);
  EXPECT_DOUBLE_EQ(scale.high, 80);
  const Scale exact = rounded_scale(ScaleKind::kLinear, 0, 100, 5);
  EXPECT_DOUBLE_EQ(exact.low, 0);
  EXPECT_DOUBLE_EQ(exact.high, 100);
  const Scale one = rounded_scale(ScaleKind::kLinear, 50, 50, 5);
  EXPECT_LT(one.low, 50);
  EXPECT_GT(one.high, 50);
  const Scale log = rounded_scale(ScaleKind::kLog, 8, 8, 5);
  EXPECT_LT(log.low, 8);
  EXPECT_GT(log.high, 8);
}

}  // namespace
}  // namespace qreason
