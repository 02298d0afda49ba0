// Time left while short answers finish first. Expected values: the product-limit estimate worked by hand.
#include "eval/answer_pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace qreason {
namespace {

TEST(AnswerPace, KnowsNothingBeforeTheFirstAnswer) {
  EXPECT_FALSE(AnswerPace().seconds_left(10, 1));
}

TEST(AnswerPace, GoesByTheMeanWhereOneFollowsTheOther) {
  AnswerPace pace;
  pace.finished(0, 0, 1);
  pace.finished(1, 0, 4);
  EXPECT_DOUBLE_EQ(*pace.seconds_left(10, 4), 8 * 2);  // one place; 1 and 3 seconds
}

TEST(AnswerPace, LearnsNothingFromAnswersThatNeededNoWork) {
  AnswerPace pace;
  pace.skipped(0);
  EXPECT_FALSE(pace.seconds_left(5, 1));
  pace.finished(1, 0, 2);
  EXPECT_DOUBLE_EQ(*pace.seconds_left(5, 2), 3 * 2);
}

// Four begin together. Two are there after 1 second, two go on: S is 1 up to 1 and 1/2 from there, those in work are
// taken to go on up to 2. 1 second more for each; a new one takes 1 + 1/2.
TEST(AnswerPace, TakesAnswersInWorkForLongerThanTheyAre) {
  AnswerPace pace;
  pace.finished(0, 3, 1);
  pace.finished(1, 2, 1);
  EXPECT_DOUBLE_EQ(*pace.seconds_left(4, 1), 1);  // nothing waits: the slowest
  // Sixteen wait for four places, and the slowest of the last four takes 2, not 1.5.
  EXPECT_DOUBLE_EQ(*pace.seconds_left(20, 1), (16 * 1.5 + 2) / 4 + 0.5);
}

// Counting answers says 100 * 10 / 90 seconds at 10, when 90 of 100 are there: one. Each of the other ten goes on for
// as long again at least.
TEST(AnswerPace, DoesNotCallTheLongestAnswersNearlyDone) {
  AnswerPace pace;
  for (std::size_t i = 0; i < 90; ++i) pace.finished(i, static_cast<std::int64_t>(99 - i), 10);
  EXPECT_DOUBLE_EQ(*pace.seconds_left(100, 10), 10);
  EXPECT_DOUBLE_EQ(*pace.seconds_left(100, 25), 25);
}

// A batch of 32 whose step takes a tenth of a second: nine of ten answers have 50 to 150 tokens, the tenth 1000.
// Halfway through the estimate is within a third of the truth.
TEST(AnswerPace, IsHonestWhileShortAnswersFinishFirst) {
  std::mt19937 random(7);
  struct Running {
    std::size_t index;
    std::int64_t left;
  };
  std::vector<Running> running;
  AnswerPace pace;
  std::size_t next = 0, finished = 0;
  double now = 0;
  std::vector<std::pair<double, double>> told;  // when, what was left
  while (finished < 400) {
    for (; running.size() < 32 && next < 400; ++next)
      running.push_back({next, random() % 10 == 0 ? 1000 : 50 + static_cast<std::int64_t>(random() % 101)});
    now += 0.1;
    for (Running& answer : running) --answer.left;
    for (std::size_t i = running.size(); i-- > 0;) {
      if (running[i].left > 0) continue;
      const std::size_t index = running[i].index;
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      ++finished;
      pace.finished(index, static_cast<std::int64_t>(running.size()), now);
      told.emplace_back(now, *pace.seconds_left(400, now));
    }
  }
  const auto half = std::find_if(told.begin(), told.end(), [&](const auto& at) { return at.first > now / 2; });
  EXPECT_NEAR(half->second, now - half->first, (now - half->first) / 3);
  for (const auto& [when, left] : told) EXPECT_LT(left, 1.5 * now) << when;
}

}  // namespace
}  // namespace qreason
