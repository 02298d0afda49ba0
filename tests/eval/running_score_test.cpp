#include "eval/running_score.h"

#include <gtest/gtest.h>

namespace qreason {
namespace {

// The examples of Newcombe (1998), Statistics in Medicine 17, table I, method 3.
TEST(ScoreInterval, IsThePublishedOne) {
  const auto expect = [](std::int64_t right, std::int64_t count, double low, double high) {
    const ScoreInterval got = score_interval(right, count);
    EXPECT_NEAR(got.low, low, 5e-5) << right << "/" << count;
    EXPECT_NEAR(got.high, high, 5e-5) << right << "/" << count;
  };
  expect(81, 263, 0.2553, 0.3662);
  expect(15, 148, 0.0624, 0.1605);
  expect(0, 20, 0.0, 0.1611);
  expect(1, 29, 0.0061, 0.1718);
  expect(20, 20, 0.8389, 1.0);
}

TEST(RunningScore, TellsAnswersAndTokens) {
  RunningScore score;
  score.add(true, 100);
  EXPECT_EQ(score.text(0), "1/1 right: 100.0 % (20.7 to 100.0)");
  score.add(false, 300);
  EXPECT_EQ(score.text(2), "1/2 right: 50.0 % (9.5 to 90.5), 200 tokens/s");
  score.add(false, -1);
  EXPECT_EQ(score.text(4), "1/3 right: 33.3 % (6.1 to 79.2), 100 tokens/s");
}

}  // namespace
}  // namespace qreason
