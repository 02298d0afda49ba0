// The scanners against PCRE2 with the pattern itself, on text made of everything that the patterns tell apart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tokenizer/splitter.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

std::vector<std::string_view> pieces_of(const Splitter& splitter, std::string_view text) {
  std::vector<std::string_view> pieces;
  splitter.split(text, pieces);
  return pieces;
}

std::string utf8(char32_t codepoint) {
  std::string text;
  append_utf8(text, codepoint);
  return text;
}

bool matches(const Splitter& keeps_matches, const std::string& text) {
  return !pieces_of(keeps_matches, text).empty();
}

// Characters that PCRE2's version of Unicode knows, so that both sides mean the same by a letter and a number.
std::vector<char32_t> characters_known_to_both() {
  const auto assigned = make_regex_splitter({R"(\P{Cn})", SplitBehavior::kRemoved, true}, "test");
  std::vector<char32_t> known;
  for (char32_t c = 1; c < 0x110000; c += c < 0x3000 ? 1 : 13) {
    if ((c < 0xD800 || c > 0xDFFF) && matches(*assigned, utf8(c))) known.push_back(c);
  }
  return known;
}

class RandomText {
 public:
  explicit RandomText(std::uint32_t seed) : random_(seed), known_(characters_known_to_both()) {}

  std::string next() {
    std::string text;
    for (std::size_t i = pick(40); i > 0; --i) text += part();
    return text;
  }

 private:
  std::size_t pick(std::size_t count) { return random_() % count; }

  std::string part() {
    static const std::vector<std::string> kSpecial = {
        "'s",     "'S",     "'t",      "'T",           "'re",    "'rE",     "'RE",    "'ve",     "'VE",
        "'m",     "'M",     "'ll",     "'lL",          "'LL",    "'d",      "'D",     "'\u017F", "'\u212A",
        "'",      "'r",     "'v",      "'l",           "''",     "\u2019s", "\n",     "\r",      "\r\n",
        "\n\n",   " \n",    "\t",      "\v",           "\f",     "\u0085",  "\u00A0", "\u1680",  "\u2000",
        "\u200A", "\u2028", "\u2029",  "\u202F",       "\u205F", "\u3000",  "\u180E", "\u200B",  "\uFEFF",
        "\x1C",   "\x1F",   "e\u0301", "\u4F60\u597D", "\u00BD", "\u0663",  "\u2167"};
    switch (pick(6)) {
      case 0:
        return kSpecial[pick(kSpecial.size())];
      case 1:
        return std::string(1 + pick(3), ' ');
      case 2:
        return std::string(1, static_cast<char>('0' + pick(10)));
      case 3:
        return utf8(known_[pick(known_.size())]);
      case 4:
        return std::string(1, static_cast<char>(' ' + pick(95)));
      default:
        return std::string(1, static_cast<char>((pick(2) == 0 ? 'a' : 'A') + pick(26)));
    }
  }

  std::mt19937 random_;
  std::vector<char32_t> known_;
};

class Scanner : public ::testing::TestWithParam<std::string_view> {};

TEST_P(Scanner, CutsRandomTextWherePcre2Does) {
  const SplitRule rule{.pattern = std::string(GetParam())};
  const auto scanner = make_scanner(rule);
  const auto regex = make_regex_splitter(rule, "test");
  ASSERT_NE(scanner, nullptr);
  RandomText texts(7);
  for (int i = 0; i < 40'000; ++i) {
    const std::string text = texts.next();
    ASSERT_EQ(pieces_of(*scanner, text), pieces_of(*regex, text)) << "text: " << text;
  }
}

TEST_P(Scanner, LeavesNoTextOut) {
  const auto scanner = make_scanner({.pattern = std::string(GetParam())});
  RandomText texts(8);
  for (int i = 0; i < 2'000; ++i) {
    const std::string text = texts.next();
    std::string joined;
    for (const std::string_view piece : pieces_of(*scanner, text)) joined += piece;
    ASSERT_EQ(joined, text);
  }
}

INSTANTIATE_TEST_SUITE_P(Gpt2Llama3Qwen2, Scanner, ::testing::Values(kGpt2Pattern, kLlama3Pattern, kQwen2Pattern));

TEST(CharacterClasses, AgreeWithPcre2WhereItsUnicodeKnowsTheCharacter) {
  const auto letters = make_regex_splitter({R"(\p{L})", SplitBehavior::kRemoved, true}, "test");
  const auto numbers = make_regex_splitter({R"(\p{N})", SplitBehavior::kRemoved, true}, "test");
  const auto spaces = make_regex_splitter({R"(\s)", SplitBehavior::kRemoved, true}, "test");
  for (const char32_t c : characters_known_to_both()) {
    const CharClass found = UnicodeTable::instance().char_class(c);
    const std::string text = utf8(c);
    EXPECT_EQ(found == CharClass::kLetter, matches(*letters, text)) << std::hex << static_cast<std::uint32_t>(c);
    EXPECT_EQ(found == CharClass::kNumber, matches(*numbers, text)) << std::hex << static_cast<std::uint32_t>(c);
    EXPECT_EQ(found == CharClass::kSpace || found == CharClass::kNewline, matches(*spaces, text))
        << std::hex << static_cast<std::uint32_t>(c);
  }
}

}  // namespace
}  // namespace qreason
