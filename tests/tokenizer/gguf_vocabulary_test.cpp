// Tokenizers from GGUF metadata. The lists are made here from the tokenizer.json of the same model in the way
// llama.cpp's converter makes them, so what comes out can be compared with the model's own tokenizer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "tokenizer/tokenizer.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5;

bool looks_special(const std::string& text) {
  return (text.starts_with("<|") && text.ends_with("|>")) || (text.starts_with("<\uFF5C") && text.ends_with("\uFF5C>"));
}

GgufVocabulary as_gguf(const std::filesystem::path& folder, const std::string& pre, std::size_t padded_size) {
  const Json document = parse_json(read_text_file(folder / "tokenizer.json"), "tokenizer.json");
  GgufVocabulary made{.model = "gpt2", .pre = pre, .where = "made.gguf"};
  made.tokens.resize(padded_size);
  made.token_types.assign(padded_size, kUnused);
  for (std::size_t i = 0; i < padded_size; ++i) made.tokens[i] = "[PAD" + std::to_string(i) + "]";
  for (const auto& [piece, id] : document["model"]["vocab"].items()) {
    made.tokens[id.get<std::size_t>()] = piece;
    made.token_types[id.get<std::size_t>()] = kNormal;
  }
  for (const Json& token : document["added_tokens"]) {
    const auto id = token["id"].get<std::size_t>();
    made.tokens[id] = token["content"].get<std::string>();
    const bool control = token["special"].get<bool>() || looks_special(made.tokens[id]);
    made.token_types[id] = control ? kControl : kUserDefined;
  }
  for (const Json& merge : document["model"]["merges"]) made.merges.push_back(merge.get<std::string>());
  return made;
}

struct Family {
  std::string folder, pre, bos, eos;
  std::size_t padded_size;
};

class GgufFamilies : public ::testing::TestWithParam<Family> {};

const char* const kTexts[] = {
    "Hello, world! It's 2024; cafe\u0301 DON'T\n\n  x = [1234567];\t\u4F60\u597D\uFF0C\u4E16\u754C",
    "<|im_start|>user\nhi<|im_end|><tool_call>{}</tool_call><think>\n</think><\uFF5CUser\uFF5C>a", ""};

void expect_same(const Tokenizer& got, const Tokenizer& wanted) {
  for (const char* text : kTexts) {
    for (const SpecialTokens special : {SpecialTokens::kAdd, SpecialTokens::kOmit}) {
      EXPECT_EQ(got.encode(text, special), wanted.encode(text, special)) << text;
    }
    const auto ids = wanted.encode(text);
    EXPECT_EQ(got.decode(ids, true), wanted.decode(ids, true)) << text;
    EXPECT_EQ(got.decode(ids, false), wanted.decode(ids, false)) << text;
  }
  ASSERT_EQ(got.vocabulary_size(), wanted.vocabulary_size());
  for (std::int32_t id = 0; id < wanted.vocabulary_size(); ++id) {
    ASSERT_EQ(got.has_token(id), wanted.has_token(id)) << id;
    if (!wanted.has_token(id)) continue;
    ASSERT_EQ(got.piece(id), wanted.piece(id));
    ASSERT_EQ(got.is_special(id), wanted.is_special(id)) << wanted.piece(id);
  }
  EXPECT_EQ(got.eos_token(), wanted.eos_token());
  EXPECT_EQ(got.bos_text(), wanted.bos_text());
}

TEST_P(GgufFamilies, AreTheTokenizersTheyWereMadeFromAndSurviveTheExport) {
  QREASON_REQUIRE_SHARED(folder, "models/tokenizers");
  const Family& family = GetParam();
  const Tokenizer original = Tokenizer::from_directory(folder / family.folder);
  GgufVocabulary vocabulary = as_gguf(folder / family.folder, family.pre, family.padded_size);
  if (!family.bos.empty()) vocabulary.bos_token = original.token_id(family.bos);
  vocabulary.eos_token = original.token_id(family.eos);
  vocabulary.chat_template = original.chat_template();
  const Tokenizer from_gguf = Tokenizer::from_gguf(vocabulary);
  expect_same(from_gguf, original);
  const testing::ScratchFolder exported;
  write_file_atomic(exported.path() / "tokenizer.json", from_gguf.to_tokenizer_json());
  write_file_atomic(exported.path() / "tokenizer_config.json", from_gguf.to_tokenizer_config_json());
  const Tokenizer again = Tokenizer::from_directory(exported.path());
  expect_same(again, original);
  EXPECT_EQ(again.chat_template(), original.chat_template());
  EXPECT_EQ(again.bos_token(), original.bos_token());
}

INSTANTIATE_TEST_SUITE_P(Made, GgufFamilies,
                         ::testing::Values(Family{"derived-qwen2.5", "qwen2", "<|endoftext|>", "<|im_end|>", 151936},
                                           Family{"derived-deepseek-r1-distill-qwen", "deepseek-r1-qwen",
                                                  "<\uFF5Cbegin\u2581of\u2581sentence\uFF5C>",
                                                  "<\uFF5Cend\u2581of\u2581sentence\uFF5C>", 152064},
                                           Family{"derived-deepseek-r1-distill-llama", "llama-bpe",
                                                  "<\uFF5Cbegin\u2581of\u2581sentence\uFF5C>",
                                                  "<\uFF5Cend\u2581of\u2581sentence\uFF5C>", 128256}),
                         [](const auto& instance) { return "Family" + std::to_string(instance.index); });

GgufVocabulary tiny() {
  return {.model = "gpt2",
          .pre = "gpt-2",
          .tokens = {"a", "b", "ab", "<|end|>"},
          .token_types = {kNormal, kNormal, kNormal, kControl},
          .merges = {"a b"},
          .eos_token = 3,
          .where = "tiny.gguf"};
}

TEST(GgufVocabulary, PutsTheEndTokenBehindATextWhereTheFileSaysSo) {
  GgufVocabulary vocabulary = tiny();
  vocabulary.add_eos_token = true;
  vocabulary.padding_token = 3;
  vocabulary.unknown_token = 0;  // "a", a piece like any other
  const Tokenizer tokenizer = Tokenizer::from_gguf(vocabulary);
  EXPECT_EQ(tokenizer.encode("ab", SpecialTokens::kAdd), (std::vector<std::int32_t>{2, 3}));
  EXPECT_EQ(tokenizer.encode("ab", SpecialTokens::kOmit), (std::vector<std::int32_t>{2}));
  EXPECT_THAT(tokenizer.special_texts(),
              ::testing::UnorderedElementsAre(std::pair("eos_token", "<|end|>"), std::pair("pad_token", "<|end|>")));
}

std::string error_of(const std::function<void(GgufVocabulary&)>& change) {
  GgufVocabulary vocabulary = tiny();
  change(vocabulary);
  try {
    Tokenizer::from_gguf(vocabulary);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("tiny.gguf"));
    return error.what();
  }
  return "no error";
}

TEST(GgufVocabulary, ThatIsWrongOrUnsupportedIsNamed) {
  EXPECT_EQ(error_of([](GgufVocabulary&) {}), "no error");
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.model = "t5"; }), HasSubstr("t5"));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.pre = "tekken"; }), HasSubstr("tekken"));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.tokens.clear(); }), HasSubstr("0 tokens"));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.token_types.pop_back(); }), HasSubstr("3 token types for 4 tokens"));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.token_types[1] = 6; }), HasSubstr("token 1 has type 6"));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.tokens[1] = "\xFF"; }), HasSubstr("token 1"));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.tokens[1] = "a"; }), HasSubstr("\"a\" has the ids 0 and 1"));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.merges = {"ab"}; }), HasSubstr("merge 0"));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.merges = {"b a"}; }), HasSubstr("\"ba\""));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.eos_token = 4; }), HasSubstr("eos token is 4"));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.eos_token = -1; }), HasSubstr("eos token is -1"));
  EXPECT_THAT(error_of([](GgufVocabulary& v) { v.add_bos_token = true; }), HasSubstr("bos"));
}

TEST(GgufVocabulary, AddsTheBosTokenWhenTheFileSaysSo) {
  GgufVocabulary vocabulary = tiny();
  vocabulary.bos_token = 3;
  vocabulary.add_bos_token = true;
  const Tokenizer tokenizer = Tokenizer::from_gguf(vocabulary);
  EXPECT_EQ(tokenizer.encode("ab", SpecialTokens::kAdd), (std::vector<std::int32_t>{3, 2}));
  EXPECT_EQ(tokenizer.encode("ab", SpecialTokens::kOmit), (std::vector<std::int32_t>{2}));
  EXPECT_EQ(tokenizer.bos_text(), "<|end|>");
}

}  // namespace
}  // namespace qreason
