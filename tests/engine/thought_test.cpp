// A thought that is closed at its budget, or made to go on: worked by hand.
#include "engine/thought.h"

#include <gtest/gtest.h>

#include <vector>

namespace qreason {
namespace {

constexpr std::int32_t kEnd = 9;

// What becomes of tokens that are drawn one after the other.
std::vector<std::int32_t> taken(const std::vector<std::int32_t>& drawn, const SamplingParameters& sampling) {
  ThoughtControl control(ThoughtTokens{.end = kEnd, .closing = {7, kEnd, 8}, .going_on = {5, 6}}, sampling);
  std::vector<std::int32_t> tokens;
  for (const std::int32_t token : drawn) {
    tokens.push_back(control.take(token, static_cast<std::int64_t>(tokens.size())));
  }
  return tokens;
}

using Tokens = std::vector<std::int32_t>;

TEST(ThoughtControl, ClosesAThoughtAtItsBudget) {
  EXPECT_EQ(taken({1, 1, 1, 2, 2, 2, 3}, {.thinking_budget = 3}), (Tokens{1, 1, 1, 7, kEnd, 8, 3}));
  EXPECT_EQ(taken({1, kEnd, 1, 1, 1, 1}, {.thinking_budget = 3}), (Tokens{1, kEnd, 1, 1, 1, 1})) << "it had ended";
  EXPECT_EQ(taken({1, 1, 1, kEnd, 1, 1}, {.thinking_budget = 3}), (Tokens{1, 1, 1, kEnd, 1, 1})) << "ends by itself";
  EXPECT_EQ(taken({1, 1, 1, 2, kEnd, kEnd}, {.thinking_budget = 3}), (Tokens{1, 1, 1, 7, kEnd, 8}));
}

TEST(ThoughtControl, GoesOnBeforeTheMinimum) {
  EXPECT_EQ(taken({1, kEnd, 2, kEnd, 3, kEnd, 4}, {.thinking_minimum = 5}), (Tokens{1, 5, 6, 5, 6, kEnd, 4}));
  EXPECT_EQ(taken({kEnd, 1, 1, 1}, {.thinking_minimum = 1}), (Tokens{5, 6, 1, 1}));
}

// An answer that ends is a thought that ends.
TEST(ThoughtControl, HoldsStopTokensBackBeforeTheMinimum) {
  ThoughtControl control(ThoughtTokens{.end = kEnd, .closing = {kEnd}, .going_on = {5}},
                         {.thinking_budget = 6, .thinking_minimum = 3}, {2});
  std::vector<std::int32_t> tokens;
  for (const std::int32_t drawn : {1, 2, kEnd, 2}) {
    tokens.push_back(control.take(drawn, static_cast<std::int64_t>(tokens.size())));
  }
  EXPECT_EQ(tokens, (std::vector<std::int32_t>{1, 5, 5, 2}));
}

TEST(ThoughtControl, KeepsToBoth) {
  EXPECT_EQ(taken({1, kEnd, 2, 3, 3, 3, 3, 3}, {.thinking_budget = 4, .thinking_minimum = 2}),
            (Tokens{1, 5, 6, 3, 7, kEnd, 8, 3}));
  // What goes on and reaches over the budget is said to its end.
  EXPECT_EQ(taken({1, kEnd, 2, 3, 3, 3, 3}, {.thinking_budget = 2, .thinking_minimum = 2}),
            (Tokens{1, 5, 6, 7, kEnd, 8, 3}));
}

TEST(ThoughtControl, TakesWhatIsDrawnWithoutEither) {
  EXPECT_EQ(taken({1, kEnd, 2, kEnd}, {}), (Tokens{1, kEnd, 2, kEnd}));
  ThoughtControl none(std::nullopt, {.thinking_budget = 1});
  for (std::int64_t i = 0; i < 4; ++i) EXPECT_EQ(none.take(2, i), 2);
}

}  // namespace
}  // namespace qreason
