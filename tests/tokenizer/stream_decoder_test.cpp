#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "support/fixtures.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

// A vocabulary of bytes and few merges: characters fall apart into several tokens.
Tokenizer small_tokenizer() {
  return Tokenizer::from_directory(testing::project_path("tests/data/tokenizer/small.json"));
}

TEST(StreamDecoder, EmitsOnlyWholeCharactersWhereverTheTextIsCut) {
  const Tokenizer tokenizer = small_tokenizer();
  const std::string text = "plain, caf\u00E9, \u4F60\u597D \U0001F469\u200D\U0001F467 \uD55C\uAD6D\uC5B4 end";
  const auto ids = tokenizer.encode(text);
  ASSERT_GT(ids.size(), 20u);
  StreamDecoder stream(tokenizer);
  std::string so_far;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string chunk = stream.push(ids[i]);
    EXPECT_EQ(valid_utf8_prefix(chunk).length, chunk.size());
    EXPECT_EQ(chunk.find("\uFFFD"), std::string::npos);
    so_far += chunk;
    EXPECT_TRUE(text.starts_with(so_far));
    // What is not out yet is less than one character.
    const std::string decoded = tokenizer.decode(std::span(ids).first(i + 1));
    EXPECT_TRUE(decoded == so_far || decoded == so_far + "\uFFFD") << decoded;
  }
  EXPECT_EQ(so_far, text);
  EXPECT_EQ(stream.finish(), "");
}

TEST(StreamDecoder, OfRandomTokensGivesWhatDecodingThemAtOnceGives) {
  const Tokenizer tokenizer = small_tokenizer();
  std::mt19937 random(5);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::int32_t> ids;
    for (auto n = random() % 12; n > 0; --n) ids.push_back(static_cast<std::int32_t>(random() % 256));
    StreamDecoder stream(tokenizer);
    std::string text;
    for (const std::int32_t id : ids) text += stream.push(id);
    text += stream.finish();
    ASSERT_EQ(text, tokenizer.decode(ids)) << ::testing::PrintToString(ids);
  }
}

TEST(StreamDecoder, TellsAnUnfinishedCharacterAtTheEnd) {
  const Tokenizer tokenizer = small_tokenizer();
  StreamDecoder stream(tokenizer);
  const auto first_byte = tokenizer.token_id("\u00C3");  // byte C3, the first of e with acute
  ASSERT_TRUE(first_byte.has_value());
  EXPECT_EQ(stream.push(*first_byte), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(StreamDecoder, HasNoTextForIdsWithoutAToken) {
  const Tokenizer tokenizer = small_tokenizer();
  StreamDecoder stream(tokenizer);
  EXPECT_EQ(stream.push(static_cast<std::int32_t>(tokenizer.vocabulary_size())), "");
  EXPECT_EQ(stream.push(-1), "");
  EXPECT_EQ(tokenizer.decode(std::vector<std::int32_t>{-1, 1 << 30}), "");
}

}  // namespace
}  // namespace qreason
