// Tokenizers of SentencePiece's kind against the tokenizers library, transformers and sentencepiece itself
// (tests/data/make_sentencepiece_goldens.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "tokenizer/tokenizer.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

Json golden(const std::string& name) {
  return parse_json(read_text_file(testing::project_path("tests/data/sentencepiece/" + name)), name);
}

Tokenizer tokenizer_of(const Json& document) {
  const testing::ScratchFolder scratch;
  write_file_atomic(scratch.path() / "tokenizer.json", document.dump());
  return Tokenizer::from_directory(scratch.path());
}

// The tokenizer with other sections, or members of its model.
Json changed(const Json& sections) {
  Json document = golden("tokenizer.json");
  for (const auto& [key, value] : sections.items())
    (document["model"].contains(key) ? document["model"] : document)[key] = value;
  return document;
}

// Streamed text comes in pieces that are text.
std::string streamed(const Tokenizer& tokenizer, const Ids& ids) {
  StreamDecoder stream(tokenizer, false);
  std::string text;
  for (const std::int32_t id : ids) text += stream.push(id);
  return text + stream.finish();
}

void expect_texts(const Tokenizer& tokenizer, const Json& expected) {
  const Ids ids = expected["ids"].get<Ids>();
  EXPECT_EQ(tokenizer.decode(ids, false), expected["decoded"].get<std::string>()) << expected["ids"];
  EXPECT_EQ(tokenizer.decode(ids, true), expected["skipped"].get<std::string>()) << expected["ids"];
  EXPECT_EQ(streamed(tokenizer, ids), expected["decoded"].get<std::string>()) << expected["ids"];
}

TEST(SentencePiece, OfEveryKindOfSectionGivesTheLibrarysIdsAndTexts) {
  std::istringstream lines(read_text_file(testing::project_path("tests/data/sentencepiece/variants.jsonl")));
  int seen = 0;
  for (std::string line; std::getline(lines, line); ++seen) {
    const Json variant = parse_json(line, "variants.jsonl");
    SCOPED_TRACE(variant["sections"].dump());
    const Tokenizer tokenizer = tokenizer_of(changed(variant["sections"]));
    const Tokenizer again = tokenizer_of(parse_json(tokenizer.to_tokenizer_json(), "written"));
    for (const Json& expected : variant["cases"]) {
      const auto text = expected["text"].get<std::string>();
      EXPECT_EQ(tokenizer.encode(text, SpecialTokens::kAdd), expected["ids"].get<Ids>()) << expected["text"];
      EXPECT_EQ(again.encode(text, SpecialTokens::kAdd), expected["ids"].get<Ids>()) << expected["text"];
      expect_texts(tokenizer, expected);
    }
    for (const Json& expected : variant["decodings"]) expect_texts(tokenizer, expected);
  }
  EXPECT_EQ(seen, 12);
}

GgufVocabulary scored_vocabulary() {
  const Json model = golden("model.json");
  return {.model = "llama",
          .pre = "default",
          .tokens = model["tokens"].get<std::vector<std::string>>(),
          .token_types = model["types"].get<std::vector<std::int64_t>>(),
          .scores = model["scores"].get<std::vector<double>>(),
          .bos_token = 1,
          .eos_token = 2,
          .unknown_token = 0,
          .where = "made.gguf"};
}

TEST(SentencePiece, WithScoresGivesTheIdsOfSentencePieceItself) {
  const Json model = golden("model.json");
  const Tokenizer tokenizer = Tokenizer::from_gguf(scored_vocabulary());
  for (const Json& expected : model["cases"]) {
    Ids ids = expected["ids"].get<Ids>();
    EXPECT_EQ(tokenizer.encode(expected["text"].get<std::string>()), ids) << expected["text"];
    ids.insert(ids.begin(), 1);
    EXPECT_EQ(tokenizer.encode(expected["text"].get<std::string>(), SpecialTokens::kAdd), ids);
  }
  EXPECT_TRUE(tokenizer.is_special(0));
  EXPECT_EQ(tokenizer.eos_token(), 2);
}

TEST(SentencePiece, GoesIntoGgufAndBack) {
  const Tokenizer original = tokenizer_of(golden("tokenizer.json"));
  const GgufVocabulary written = original.to_gguf(430);
  EXPECT_EQ(written.model, "llama");
  EXPECT_EQ(written.add_space_prefix, true);
  EXPECT_EQ(written.token_types[0], 2);
  EXPECT_EQ(written.token_types[1], 3);
  EXPECT_EQ(written.token_types[3], 6);
  EXPECT_EQ(written.token_types[425], 5);
  const Json model = golden("model.json");
  const std::vector<double> scores = model["scores"].get<std::vector<double>>();
  for (std::size_t i = 259; i < 259 + 100; ++i) EXPECT_EQ(written.scores[i], scores[i]) << i;
  const Tokenizer again = Tokenizer::from_gguf(written);
  for (const Json& expected : model["cases"]) {
    EXPECT_EQ(again.encode(expected["text"].get<std::string>()), expected["ids"].get<Ids>()) << expected["text"];
  }
  for (const std::string text : {"a<s> b</s>", " <s> ", "<unk>x"}) {
    EXPECT_EQ(again.encode(text, SpecialTokens::kAdd), original.encode(text, SpecialTokens::kAdd)) << text;
  }
}

std::string refusal(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was refused";
}

TEST(SentencePiece, RefusesWhatItDoesNotRead) {
  const auto reading = [](const Json& sections) { return refusal([&] { tokenizer_of(changed(sections)); }); };
  EXPECT_THAT(reading({{"decoder", {{"type", "Metaspace"}}}}), HasSubstr("a decoder of type \"Metaspace\""));
  EXPECT_THAT(reading({{"decoder", {{"type", "Sequence"}, {"decoders", Json::array()}}}}), HasSubstr("no decoders"));
  EXPECT_THAT(reading({{"normalizer", {{"type", "Precompiled"}}}}), HasSubstr("a normalizer of type \"Precompiled\""));
  EXPECT_THAT(reading({{"normalizer", {{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", "x"}}}}),
              HasSubstr("an empty pattern"));
  EXPECT_THAT(reading({{"pre_tokenizer", {{"type", "Whitespace"}}}}),
              HasSubstr("a pre_tokenizer of type \"Whitespace\""));
  EXPECT_THAT(reading({{"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "ab"}}}}), HasSubstr("one character"));
  EXPECT_THAT(reading({{"pre_tokenizer", {{"type", "Metaspace"}, {"prepend_scheme", "last"}}}}),
              HasSubstr("the prepend_scheme \"last\""));
  EXPECT_THAT(reading({{"decoder", {{"type", "ByteLevel"}}}}), HasSubstr("no pre_tokenizer"));
}

TEST(SentencePiece, RefusesGgufFilesThatContradictThemselves) {
  const auto reading = [](const std::function<void(GgufVocabulary&)>& change) {
    GgufVocabulary vocabulary = scored_vocabulary();
    change(vocabulary);
    return refusal([&] { Tokenizer::from_gguf(vocabulary); });
  };
  EXPECT_THAT(reading([](GgufVocabulary& v) { v.scores.pop_back(); }), HasSubstr("scores for 420 tokens"));
  EXPECT_THAT(reading([](GgufVocabulary& v) { v.scores[300] = NAN; }), HasSubstr("the score of token 300 is nan"));
  EXPECT_THAT(reading([](GgufVocabulary& v) { v.token_types[300] = 6; }), HasSubstr("the byte token 300 is"));
  EXPECT_THAT(reading([](GgufVocabulary& v) { v.model = "t5"; }), HasSubstr("the tokenizer model \"t5\""));
  EXPECT_THAT(reading([](GgufVocabulary& v) { v.model = "gpt2"; }), HasSubstr("token 0 has type 2"));
}

// Their scores would be those of another tokenizer.
TEST(SentencePiece, RefusesToWriteMergesThatScoresCannotSay) {
  Json document = golden("tokenizer.json");
  Json& merges = document["model"]["merges"];
  merges.erase(merges.begin() + 20);
  EXPECT_THAT(refusal([&] { tokenizer_of(document).to_gguf(420); }), HasSubstr("a score a piece, not merges"));
  const Json first = {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}, {"split", false}};
  EXPECT_THAT(refusal([&] {
                tokenizer_of(changed({{"normalizer", nullptr}, {"pre_tokenizer", first}})).to_gguf(420);
              }),
              HasSubstr("a way with spaces"));
}

}  // namespace
}  // namespace qreason
