// Expectations worked by hand from the rules: leftmost, longest, white space taken along by lstrip and rstrip.
#include "tokenizer/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qreason {
namespace {

using Parts = std::vector<std::pair<std::string, std::int32_t>>;

Parts split(const std::vector<AddedToken>& tokens, const std::string& text) {
  AddedTokenMatcher matcher;
  for (const AddedToken& token : tokens) matcher.add(token, token.content);
  std::vector<TextPart> parts;
  matcher.split(text, SpecialInText::kToken, parts);
  Parts copied;
  for (const TextPart& part : parts) copied.emplace_back(part.text, part.id);
  return copied;
}

TEST(AddedTokens, AreFoundLeftmostAndLongest) {
  const std::vector<AddedToken> tokens = {
      {.content = "<a>", .id = 1}, {.content = "<a><b>", .id = 2}, {.content = "><", .id = 3}};
  EXPECT_EQ(split(tokens, "x<a>y"), (Parts{{"x", -1}, {"<a>", 1}, {"y", -1}}));
  EXPECT_EQ(split(tokens, "<a><b>"), (Parts{{"<a><b>", 2}}));
  EXPECT_EQ(split(tokens, "<a><c>"), (Parts{{"<a>", 1}, {"<c>", -1}}));
  EXPECT_EQ(split(tokens, "b><c"), (Parts{{"b", -1}, {"><", 3}, {"c", -1}}));
  EXPECT_EQ(split(tokens, ""), Parts{});
}

TEST(AddedTokens, TakeWhiteSpaceAlongWhereTheySaySo) {
  const std::vector<AddedToken> tokens = {{.content = "<l>", .id = 1, .lstrip = true},
                                          {.content = "<r>", .id = 2, .rstrip = true}};
  EXPECT_EQ(split(tokens, "a \u00A0<l> b"), (Parts{{"a", -1}, {" \u00A0<l>", 1}, {" b", -1}}));
  EXPECT_EQ(split(tokens, "a <r>\n\u3000b"), (Parts{{"a ", -1}, {"<r>\n\u3000", 2}, {"b", -1}}));
  EXPECT_EQ(split(tokens, "<r> <l>"), (Parts{{"<r> ", 2}, {"<l>", 1}})) << "the space is taken once";
}

TEST(AddedTokens, ThatAreSingleWordsStandAlone) {
  const std::vector<AddedToken> tokens = {{.content = "the", .id = 1, .single_word = true}};
  EXPECT_EQ(split(tokens, "the, other"), (Parts{{"the", 1}, {", other", -1}}));
  EXPECT_EQ(split(tokens, "then \u00E9the _the"), (Parts{{"then \u00E9the _the", -1}}));
}

// Each match of two spaces takes the whole run along; walked every time, a megabyte would take hours. (The parts are
// views: copying half a million of them, each of the rest of the run, would not fit in memory.)
TEST(AddedTokens, WalkALongRunOfWhiteSpaceOnce) {
  AddedTokenMatcher matcher;
  matcher.add({.content = "  ", .id = 1, .lstrip = true, .rstrip = true}, "  ");
  const std::string text(1'000'000, ' ');
  std::vector<TextPart> parts;
  matcher.split(text, SpecialInText::kToken, parts);
  EXPECT_EQ(parts.size(), 500'000u);
}

}  // namespace
}  // namespace qreason
