// The reader of steps problems is itself held to problems worked by hand, and to problems that have no one answer.
#include "support/steps_solver.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace qreason::testing {
namespace {

std::int64_t answer(const std::string& problem) {
  return read_steps_problem(problem).answer;
}

TEST(StepsReader, ComputesByTheUsualPrecedence) {
  EXPECT_EQ(answer("Compute 2+3*4-20/(3+2)/2."), 12);  // 2+12-4/2
  EXPECT_EQ(answer("What is 20-(7-3)-1?"), 15);
  EXPECT_EQ(answer("There are 3 rows with 21 seats each. How many seats are there?"), 63);
}

TEST(StepsReader, SolvesEquations) {
  EXPECT_EQ(answer("Solve 30+9x=111 for x."), 9);
  EXPECT_EQ(answer("Find x if x+75=3x+45."), 15);
  EXPECT_EQ(answer("What is x when 7(x+9)+30=4(x+6)+120?"), 17);  // 7x+93=4x+144
  EXPECT_EQ(answer("Suppose 9x+2y=32 and 7x+2y=28. What is x?"), 2);
  EXPECT_EQ(answer("Suppose 9x+2y=32 and 7x+2y=28. What is x+y?"), 9);  // y=7
}

TEST(StepsReader, FindsRemainders) {
  EXPECT_EQ(answer("Divide 2^5 by 17. What is the remainder?"), 15);
  EXPECT_EQ(answer("98 apples are shared equally by 6 children. How many apples are left over?"), 2);
}

TEST(StepsReader, FollowsInstructions) {
  // [1,5,9,3] -> [3,9,5,1] -> [3,9,5,7] -> [9,5,7,3] -> [5,7,3]
  const std::string told =
      "Take the list [1,5,9,3]. Reverse the list. Add 6 to the fourth number. Move the first number to the end. "
      "Remove the largest number.";
  EXPECT_EQ(answer(told + " What is the second number now?"), 7);
  EXPECT_EQ(answer(told + " What is the sum of the numbers in the list?"), 15);
  EXPECT_EQ(answer(told + " What is the largest number minus the smallest?"), 4);
  EXPECT_EQ(steps_lists(told + " What is the second number now?")[3], (std::vector<std::int64_t>{9, 5, 7, 3}));
}

TEST(StepsReader, ComparesPeopleInWhateverOrderTheyAreTold) {
  // Ann 10, Bob 5, Cara 8, Dan 24.
  const std::string told =
      "Dan has 3 times as many coins as Cara. Bob has half as many coins as Ann. Cara has 3 more coins than Bob. "
      "Ann has 10 coins.";
  EXPECT_EQ(answer(told + " How many coins do they have together?"), 47);
  EXPECT_EQ(answer(told + " How many coins does Cara have?"), 8);
  EXPECT_EQ(answer(told + " How many coins does the one with the second most have?"), 10);
  EXPECT_EQ(answer(told + " How many more coins does the one with the most have than the one with the third most?"),
            16);
}

TEST(StepsReader, KnowsTheSameProblemInOtherWords) {
  const auto meaning = [](const std::string& problem) { return read_steps_problem(problem).meaning; };
  EXPECT_EQ(meaning("Solve 30+9x=111 for x."), meaning("Find x if 9x+30=111."));
  EXPECT_EQ(meaning("Multiply 12 by 345."), meaning("What is 345 times 12?"));
  EXPECT_EQ(meaning("Ann has 4 coins. Bob has 2 more coins than Ann. Dan has 3 fewer coins than Bob. Leo has half as "
                    "many coins as Ann. How many coins does Leo have?"),
            meaning("Eva has half as many books as Hal. Iris has 3 fewer books than Gina. Gina has 2 more books than "
                    "Hal. Hal has 4 books. How many books does Eva have?"));
  EXPECT_NE(meaning("Ann has 4 coins. Bob has 2 more coins than Ann. How many coins does Bob have?"),
            meaning("Ann has 4 coins. Bob has 2 more coins than Ann. How many coins does Ann have?"));
}

TEST(StepsReader, RefusesProblemsWithoutOneAnswer) {
  for (const char* problem : {
           "What is 7/2?",
           "Solve 2x+1=4 for x.",
           "Solve 2x+1=2x+1 for x.",
           "Suppose 2x+2y=8 and 3x+3y=12. What is x?",
           "Take the list [5,5,1]. Remove the largest number. What is the first number now?",
           "Take the list [5,4]. What is the third number now?",
           "Ann has 4 coins. Bob has 2 more coins than Leo. How many coins do they have together?",
           "Ann has 5 coins. Bob has half as many coins as Ann. How many coins does Bob have?",
           "Ann has 4 coins. Bob has 2 more coins than Ann. Leo has 2 more coins than Ann. How many coins does the one "
           "with the most have?",
           "Ann has 4 coins. Bob has 2 more stamps than Ann. How many coins do they have together?",
           "How far is it?",
       })
    EXPECT_THROW(answer(problem), std::runtime_error) << problem;
}

}  // namespace
}  // namespace qreason::testing
