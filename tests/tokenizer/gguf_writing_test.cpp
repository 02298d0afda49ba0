// Tokenizers into GGUF metadata and back: the same ids.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/fixtures.h"
#include "tokenizer/tokenizer.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;

constexpr const char* kTexts[] = {"Natalia sold 48 clips in April, then half as many in May.",
                                  "1234567 + 89 = ?\n\n  <think>\n", "naïve façade — 漢字 🙂",
                                  "<｜User｜>What is 3 x 4?<｜Assistant｜><think>\n", "it's   a\ttab, isn't it?\r\n"};

TEST(GgufVocabulary, GivesTheSameIdsBack) {
  for (const char* model : {"models/steps-qwen2-3m", "models/steps-llama-1m"}) {
    const Tokenizer original = Tokenizer::from_directory(testing::project_path(model));
    const GgufVocabulary written = original.to_gguf(768);
    EXPECT_EQ(written.tokens.size(), 768u);
    EXPECT_EQ(written.token_types[767], 5);  // a row of the embedding without a token
    EXPECT_EQ(written.token_types[755], 3);  // the BOS token
    EXPECT_EQ(written.token_types[759], 4);  // <think>, added and not special
    const Tokenizer again = Tokenizer::from_gguf(written);
    EXPECT_EQ(again.bos_token(), original.bos_token());
    EXPECT_EQ(again.eos_token(), original.eos_token());
    EXPECT_EQ(again.chat_template(), original.chat_template());
    for (const char* text : kTexts) {
      for (const SpecialTokens special : {SpecialTokens::kAdd, SpecialTokens::kOmit}) {
        EXPECT_EQ(again.encode(text, special), original.encode(text, special)) << text;
      }
    }
    for (std::int32_t token = 754; token < 757; ++token) EXPECT_EQ(again.is_special(token), original.is_special(token));
  }
}

TEST(GgufVocabulary, GivesTheSameIdsBackForRealTokenizers) {
  QREASON_REQUIRE_SHARED(folder, "models/tokenizers");
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_directory() || !std::filesystem::exists(entry.path() / "tokenizer.json")) continue;
    const Tokenizer original = Tokenizer::from_directory(entry.path());
    const Tokenizer again = Tokenizer::from_gguf(original.to_gguf(original.vocabulary_size()));
    for (const char* text : kTexts) {
      for (const SpecialTokens special : {SpecialTokens::kAdd, SpecialTokens::kOmit}) {
        EXPECT_EQ(again.encode(text, special), original.encode(text, special)) << entry.path() << " " << text;
      }
    }
    ++seen;
  }
  EXPECT_GT(seen, 0);
}

TEST(GgufVocabulary, RefusesAnEmbeddingWithoutRoom) {
  const Tokenizer tokenizer = Tokenizer::from_directory(testing::project_path("models/steps-qwen2-3m"));
  try {
    tokenizer.to_gguf(760);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("token 760 for an embedding of 760 rows"));
  }
}

}  // namespace
}  // namespace qreason
