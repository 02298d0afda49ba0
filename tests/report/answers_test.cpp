// What of an answer stands in a page. Expected texts are cut and counted by hand.
#include "report/answer_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/base64.h"

namespace qreason {
namespace {

TEST(AnswerText, PartsWhereTheFirstCharacterDiffers) {
  EXPECT_EQ(divergence_point("So 3+4=7.", "So 3+4=8."), 7U);
  EXPECT_EQ(divergence_point("same", "same"), std::nullopt);
  EXPECT_EQ(divergence_point("a longer one", "a longer"), 8U);
  EXPECT_EQ(divergence_point("", "x"), 0U);
  // é and è share their first byte (C3): the whole character differs.
  EXPECT_EQ(divergence_point("caf\xc3\xa9", "caf\xc3\xa8"), 3U);
}

TEST(AnswerText, OfAShortTextIsWholeAndPartedOnce) {
  const KeptText kept = kept_text("So 3+4=8.", 7, 100);
  EXPECT_EQ(kept.pieces, (OrderedJson{"So 3+4=", "8."}));
  EXPECT_EQ(kept.parts, 1U);
  EXPECT_EQ(kept_text("other", 0, 100).pieces, OrderedJson::array({"other"}));
  EXPECT_EQ(kept_text("other", 0, 100).parts, 0U);
  EXPECT_EQ(kept_text("", std::nullopt, 100).pieces, OrderedJson::array({""}));
  // It is the beginning of the baseline's: it parts at its end, where nothing follows.
  EXPECT_EQ(kept_text("abc", 3, 100).pieces, (OrderedJson{"abc", ""}));
  EXPECT_EQ(kept_text("abc", 3, 100).parts, 1U);
}

TEST(AnswerText, OfALongTextKeepsItsEndsAndWhereItParts) {
  std::string text(40, 'a');
  text.replace(19, 2, "XY");
  // Limit 16: four bytes at the beginning, [16, 24) around the divergence at 20, four at the end.
  const KeptText kept = kept_text(text, 20, 16);
  EXPECT_EQ(kept.pieces, (OrderedJson{"aaaa", 12, "aaaX", "Yaaa", 12, "aaaa"}));
  EXPECT_EQ(kept.parts, 3U);
  // Near the beginning the ranges are one.
  EXPECT_EQ(kept_text(text, 2, 16).pieces, (OrderedJson{"aa", "aaaa", 30, "aaaa"}));
  EXPECT_EQ(kept_text(text, std::nullopt, 16).pieces, (OrderedJson{"aaaa", 32, "aaaa"}));
}

TEST(AnswerText, IsCutBetweenCharacters) {
  // Ten times π, two bytes each: a quarter of 12 is 3, which is within the second.
  std::string text;
  for (int i = 0; i < 10; ++i) text += "π";
  EXPECT_EQ(kept_text(text, std::nullopt, 12).pieces, (OrderedJson{"π", 14, "ππ"}));
}

TEST(AnswerText, CountsWhatAScriptCounts) {
  EXPECT_EQ(script_length("abc"), 3U);
  EXPECT_EQ(script_length("π\n"), 2U);
  EXPECT_EQ(script_length("😀"), 2U);     // a surrogate pair
  EXPECT_EQ(script_length("\x01"), 4U);  // shown as \x01
}

// RFC 4648, section 10.
TEST(Base64, AgreesWithTheStandard) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

}  // namespace
}  // namespace qreason
