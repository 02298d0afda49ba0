#include "cli/text_width.h"

#include <gtest/gtest.h>

#include "cli/output.h"

namespace qreason {
namespace {

// Columns by hand from Unicode's EastAsianWidth.txt and the general categories of the marks.
TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width("steps"), 5U);
  EXPECT_EQ(display_width("± é"), 3U);
  EXPECT_EQ(display_width("模型"), 4U);
  EXPECT_EQ(display_width("ﾓ모🚀"), 5U);       // half-width katakana 1, hangul 2, rocket 2
  EXPECT_EQ(display_width("e\xCC\x81"), 1U);  // e and a combining acute accent
  EXPECT_EQ(display_width("a\xFF\xC3"), 3U);  // bytes that are no UTF-8
}

TEST(CutToWidth, NeverSplitsACharacter) {
  EXPECT_EQ(cut_to_width("steps", 5), "steps");
  EXPECT_EQ(cut_to_width("steps", 4), "ste…");
  EXPECT_EQ(cut_to_width("模型模型", 8), "模型模型");
  EXPECT_EQ(cut_to_width("模型模型", 7), "模型模…");
  EXPECT_EQ(cut_to_width("模型模型", 6), "模型…");
  EXPECT_EQ(cut_to_width("steps", 0), "");
}

TEST(ShortenMiddle, KeepsBothEnds) {
  EXPECT_EQ(shorten_middle("/a/long/path/model", 18), "/a/long/path/model");
  EXPECT_EQ(shorten_middle("/a/long/path/model", 11), "/a/lo…model");
  EXPECT_EQ(shorten_middle("模型模型", 6), "模…型");
}

TEST(WrapText, BreaksAtSpacesAndIndents) {
  EXPECT_EQ(wrap_text("one two three", 7, 2), "one two\n  three");
  EXPECT_EQ(wrap_text("one two three", 13, 2), "one two three");
  EXPECT_EQ(wrap_text("a-word-too-long for it", 5, 2), "a-word-too-long\n  for\n  it");
}

TEST(OneLine, LeavesNothingThatEndsALineOrSteersATerminal) {
  EXPECT_EQ(one_line("first\nsecond\r\n\tthird\n"), "first second third");
  EXPECT_EQ(one_line("a\x1b[31m \xFF 模型"), "a\\x1b[31m \\xff 模型");
}

}  // namespace
}  // namespace qreason
