// What the Hugging Face tokenizers library makes of nasty random texts (tests/data/make_tokenizer_vectors.py), and the
// token lists of the real models' goldens (transformers).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "tokenizer/tokenizer.h"

namespace qreason {
namespace {

std::vector<Json> read_lines(const std::string& relative) {
  const std::string text = read_text_file(testing::project_path(relative));
  std::istringstream stream(text);
  std::vector<Json> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(parse_json(line, relative));
  return lines;
}

void expect_case(const Tokenizer& tokenizer, const Json& expected, SpecialTokens special) {
  const auto text = expected["text"].get<std::string>();
  const auto ids = expected["ids"].get<std::vector<std::int32_t>>();
  EXPECT_EQ(tokenizer.encode(text, special), ids) << "text: " << expected["text"];
  EXPECT_EQ(tokenizer.decode(ids, false), expected["decoded"].get<std::string>());
  EXPECT_EQ(tokenizer.decode(ids, true), expected["skipped"].get<std::string>());
}

TEST(HuggingFaceVectors, OfTheBigVocabulariesGiveTheSameIdsAndTexts) {
  QREASON_REQUIRE_SHARED(folder, "models/tokenizers");
  std::map<std::string, Tokenizer> tokenizers;
  for (const Json& line : read_lines("tests/data/tokenizer/families.jsonl")) {
    const auto name = line["tokenizer"].get<std::string>();
    if (!tokenizers.contains(name)) tokenizers.emplace(name, Tokenizer::from_directory(folder / name));
    SCOPED_TRACE(name);
    expect_case(tokenizers.at(name), line,
                line["add_special_tokens"].get<bool>() ? SpecialTokens::kAdd : SpecialTokens::kOmit);
  }
  EXPECT_EQ(tokenizers.size(), 4u);
}

TEST(HuggingFaceVectors, OfEveryKindOfSectionGiveTheSameIdsAndTexts) {
  const Json small = parse_json(read_text_file(testing::project_path("tests/data/tokenizer/small.json")), "small");
  for (const Json& line : read_lines("tests/data/tokenizer/variants.jsonl")) {
    Json document = small;
    for (const auto& [key, value] : line["sections"].items()) {
      (key == "ignore_merges" ? document["model"] : document)[key] = value;
    }
    const testing::ScratchFolder scratch;
    write_file_atomic(scratch.path() / "tokenizer.json", document.dump());
    const Tokenizer tokenizer = Tokenizer::from_directory(scratch.path());
    SCOPED_TRACE(line["sections"].dump());
    for (const Json& expected : line["cases"]) expect_case(tokenizer, expected, SpecialTokens::kAdd);
    const testing::ScratchFolder exported;
    write_file_atomic(exported.path() / "tokenizer.json", tokenizer.to_tokenizer_json());
    const Tokenizer again = Tokenizer::from_directory(exported.path());
    for (const Json& expected : line["cases"]) expect_case(again, expected, SpecialTokens::kAdd);
  }
}

// The GGUF files of both models hold the vocabulary, merges and flags of derived-qwen2.5 (models/real/README.md).
TEST(RealModelGoldens, OfQwen25CoderGiveTheSameIds) {
  QREASON_REQUIRE_SHARED(tokenizers, "models/tokenizers");
  QREASON_REQUIRE_SHARED(goldens, "models/real/goldens");
  const Tokenizer tokenizer = Tokenizer::from_directory(tokenizers / "derived-qwen2.5");
  for (const char* name : {"qwen2.5-coder-0.5b.json", "qwen2.5-coder-1.5b.json"}) {
    const Json golden = parse_json(read_text_file(goldens / name), name);
    for (const char* section : {"tokens", "logits"}) {
      for (const Json& expected : golden[section]) {
        const Json& text = expected.contains("text") ? expected["text"] : expected["rendered"];
        EXPECT_EQ(tokenizer.encode(text.get<std::string>()), expected["ids"].get<std::vector<std::int32_t>>()) << text;
      }
    }
  }
}

}  // namespace
}  // namespace qreason
