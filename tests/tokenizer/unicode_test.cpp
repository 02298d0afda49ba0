#include "tokenizer/unicode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <random>

#include "tokenizer/byte_symbols.h"

namespace qreason {
namespace {

// The Unicode standard's own example of maximal subparts (section 3.9, Tables 3-8 to 3-11), as CPython 3.11 decodes it
// with errors="replace".
TEST(Utf8Lossy, ReplacesEachMaximalSubpartByOneCharacter) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(utf8_lossy("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(utf8_lossy("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(utf8_lossy("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(utf8_lossy("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
  EXPECT_EQ(utf8_lossy("caf\xC3\xA9 \xF0\x9F\x91\xA9!"), "caf\xC3\xA9 \xF0\x9F\x91\xA9!");
}

TEST(UnfinishedTail, IsWhatCouldStillBecomeACharacter) {
  EXPECT_EQ(unfinished_utf8_tail(""), 0u);
  EXPECT_EQ(unfinished_utf8_tail("abc"), 0u);
  EXPECT_EQ(unfinished_utf8_tail("\xF0\x9F\x91\xA9"), 0u);
  EXPECT_EQ(unfinished_utf8_tail("x\xF0\x9F\x91"), 3u);
  EXPECT_EQ(unfinished_utf8_tail("x\xF0\x9F"), 2u);
  EXPECT_EQ(unfinished_utf8_tail("x\xF0"), 1u);
  EXPECT_EQ(unfinished_utf8_tail("x\xC3"), 1u);
  EXPECT_EQ(unfinished_utf8_tail("\xE0\x80"), 0u) << "an overlong form never becomes a character";
  EXPECT_EQ(unfinished_utf8_tail("\xED\xA0"), 0u) << "nor does a surrogate";
  EXPECT_EQ(unfinished_utf8_tail("\xF4\x91"), 0u) << "nor anything above U+10FFFF";
  EXPECT_EQ(unfinished_utf8_tail("\x80\x80\x80"), 0u);
  EXPECT_EQ(unfinished_utf8_tail("\xFF"), 0u);
}

TEST(ValidPrefix, StopsAtTheFirstByteThatIsNoCharacter) {
  EXPECT_EQ(valid_utf8_prefix("plain ascii text, longer than eight bytes").length, 41u);
  EXPECT_TRUE(valid_utf8_prefix("plain ascii text").ascii);
  EXPECT_FALSE(valid_utf8_prefix("caf\xC3\xA9").ascii);
  EXPECT_EQ(valid_utf8_prefix("ab\xC3").length, 2u);
  EXPECT_EQ(valid_utf8_prefix("ab\xED\xA0\x80").length, 2u);
}

TEST(Nfc, ComposesAndReorders) {
  std::string buffer;
  EXPECT_EQ(to_nfc("e\u0301", buffer), "\u00E9");
  EXPECT_EQ(to_nfc("caf\u0065\u0301 au lait", buffer), "caf\u00E9 au lait");
  EXPECT_EQ(to_nfc("q\u0307\u0323", buffer), "q\u0323\u0307");  // UAX #15, marks by class
  EXPECT_EQ(to_nfc("\u1E0B\u0323", buffer), "\u1E0D\u0307");    // UAX #15, figure 6
  EXPECT_EQ(to_nfc("\u1100\u1161\u11A8", buffer), "\uAC01");    // Hangul
  EXPECT_EQ(to_nfc("\u212B\u2126", buffer), "\u00C5\u03A9");    // singletons
  EXPECT_EQ(to_nfc("\u0301a", buffer), "\u0301a");
  const std::string_view composed = "already composed: \u00E9";
  EXPECT_EQ(to_nfc(composed, buffer).data(), composed.data()) << "no copy where nothing changes";
}

// utf8proc over the whole text is the definition; to_nfc hands it only the regions that can change.
TEST(Nfc, OfRandomTextEqualsThatOfTheWholeTextAtOnce) {
  const std::u32string characters =
      U"abeoqAEO\u00E9\u0300\u0301\u0308\u0316\u031B\u0323\u0327\u0344\u0345\u05B0\u064B\u093C\u094D\u0928\u0915\u09C7"
      U"\u09BE\u1100\u1161\u11A8\uAC00\uAC01\u304B\u3099\u0CC6\u0CC2\u0CD5\u1E0B\u0958\u2126\u212B\U0001D15E\U0001D165";
  std::mt19937 random(3);
  std::string buffer;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n) append_utf8(text, characters[random() % characters.size()]);
    utf8proc_uint8_t* whole = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
    ASSERT_EQ(to_nfc(text, buffer), reinterpret_cast<const char*>(whole)) << text;
    std::free(whole);
  }
}

TEST(ByteSymbols, AreABijectionWithGpt2sCharacters) {
  EXPECT_EQ(bytes_to_symbols(" the\n"), "\u0120the\u010A");
  EXPECT_EQ(bytes_to_symbols(std::string(1, '\0')), "\u0100");
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    EXPECT_EQ(symbols_to_bytes(bytes_to_symbols(one)), one);
  }
  EXPECT_EQ(symbols_to_bytes("<\uFF5CUser\uFF5C>"), std::nullopt);
  EXPECT_EQ(symbols_to_bytes("a b"), std::nullopt) << "the space is spelled \u0120";
}

}  // namespace
}  // namespace qreason
