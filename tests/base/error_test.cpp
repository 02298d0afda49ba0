#include "base/error.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace qreason {
namespace {

TEST(Escaped, LeavesTextAsItIs) {
  EXPECT_EQ(escaped(""), "");
  EXPECT_EQ(escaped("a \"b\" \\ ~"), "a \"b\" \\ ~");
  EXPECT_EQ(escaped("Größe 大 \U0001F600"), "Größe 大 \U0001F600");
}

TEST(Escaped, WritesOutWhatIsNoTextOrSteersATerminal) {
  EXPECT_EQ(escaped("a\nb\tc\r"), "a\\nb\\tc\\r");
  EXPECT_EQ(escaped(std::string_view("\0\x1b[31m\x7f", 7)), "\\x00\\x1b[31m\\x7f");
  EXPECT_EQ(escaped("\xc2\x9b"
                    "2J"),
            "\\xc2\\x9b2J")
      << "the control sequence introducer of C1";
  EXPECT_EQ(escaped("\xc2\xa0"), "\xc2\xa0") << "the first character after C1";
  EXPECT_EQ(escaped("a\u202Eb\u2028\u2066"), "a\\u{202e}b\\u{2028}\\u{2066}");
  EXPECT_EQ(escaped("\u2027\u202F"), "\u2027\u202F");
}

TEST(Escaped, WritesOutBytesThatAreNotUtf8) {
  EXPECT_EQ(escaped("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(escaped("x\xe2\x82"), "x\\xe2\\x82") << "cut off";
  EXPECT_EQ(escaped("\xc0\xaf"), "\\xc0\\xaf") << "not the shortest form";
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
}

TEST(Error, TellsBytesOfAFileInOneLineOfText) {
  const Error error("a\nfile", "key \"\xff\x1b\"", "\x07");
  EXPECT_STREQ(error.what(), "a\\nfile: key \"\\xff\\x1b\", expected \\x07");
  EXPECT_EQ(error.where(), "a\nfile") << "for programs, as given";
}

}  // namespace
}  // namespace qreason
