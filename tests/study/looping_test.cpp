#include "study/looping.h"

#include <gtest/gtest.h>

#include <string>

namespace qreason {
namespace {

std::string repeated(const std::string& block, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += block;
  return text;
}

const std::string kSentence = "Wait, let me check that again: 12 + 7 is 19, so the answer would be 19. ";  // 72 bytes

TEST(Looping, IsFourCopiesAtTheEnd) {
  EXPECT_TRUE(ends_in_loop("We add the numbers. " + repeated(kSentence, 4)));
  EXPECT_FALSE(ends_in_loop("We add the numbers. " + repeated(kSentence, 3)));
}

TEST(Looping, MayBreakOffInTheMiddleOfACopy) {
  EXPECT_TRUE(ends_in_loop("So. " + repeated(kSentence, 4) + kSentence.substr(0, 31)));
}

// A copy that breaks off counts for its part: three and a half copies are none, whatever stands before.
TEST(Looping, CountsPartsOfCopies) {
  EXPECT_FALSE(ends_in_loop("So. " + repeated(kSentence, 3) + kSentence.substr(0, 36)));
}

TEST(Looping, CoversTwoHundredBytes) {
  EXPECT_FALSE(ends_in_loop("1" + repeated("0", 199)));
  EXPECT_TRUE(ends_in_loop("1" + repeated("0", 200)));
  EXPECT_TRUE(ends_in_loop(repeated("ab", 100)));
}

TEST(Looping, IgnoresWhiteSpaceBehindIt) {
  EXPECT_TRUE(ends_in_loop(repeated("again and again\n", 20) + "\n\n\n"));
  EXPECT_FALSE(ends_in_loop("The answer is 7." + repeated("\n", 500)));
  EXPECT_FALSE(ends_in_loop(repeated(" ", 500)));
  EXPECT_FALSE(ends_in_loop(""));
}

TEST(Looping, IsNoLoopThatTheTextComesOutOf) {
  EXPECT_FALSE(ends_in_loop(repeated(kSentence, 10) + "No, I keep saying that. The answer is 19."));
}

// Each line another number: not the same again.
TEST(Looping, IsNoEnumeration) {
  std::string text;
  for (int i = 100; i < 400; ++i) text += "Try " + std::to_string(i * 7919 % 1009) + ".\n";
  EXPECT_FALSE(ends_in_loop(text));
}

TEST(Looping, TakesBlocksOfAnyLength) {
  std::string block;
  for (int i = 0; i < 500; ++i) block += std::to_string(i * 7919 % 10007) + " ";
  EXPECT_TRUE(ends_in_loop("First: " + repeated(block, 4)));
  EXPECT_FALSE(ends_in_loop("First: " + repeated(block, 2)));
}

}  // namespace
}  // namespace qreason
