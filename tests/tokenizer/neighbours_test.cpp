// The files beside tokenizer.json, held against transformers 5 (tests/data/make_tokenizer_neighbours.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;

Json small_tokenizer() {
  const auto path = testing::project_path("tests/data/tokenizer/small.json");
  return parse_json(read_text_file(path), path.string());
}

class TokenizerFolder {
 public:
  TokenizerFolder() = default;
  // small.json with some sections changed as tokenizer.json, and files beside it.
  explicit TokenizerFolder(const Json& files, const Json& changes = Json::object()) {
    Json document = small_tokenizer();
    document.update(changes);
    write("tokenizer.json", document.dump());
    for (const auto& [name, content] : files.items()) write(name, content.dump());
  }
  void write(const std::string& name, const std::string& text) const { write_file_atomic(folder_.path() / name, text); }
  Tokenizer open() const { return Tokenizer::from_directory(folder_.path()); }
  std::string failure() const {
    try {
      open();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

 private:
  testing::ScratchFolder folder_;
};

TEST(TokenizerNeighbours, GiveTheIdsAndTextsOfTransformers) {
  std::istringstream lines(read_text_file(testing::project_path("tests/data/tokenizer/neighbours.jsonl")));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json golden = parse_json(line, "neighbours.jsonl");
    SCOPED_TRACE(golden.at("files").dump());
    const Tokenizer tokenizer = TokenizerFolder(golden.at("files"), golden.at("tokenizer")).open();
    for (const Json& expected : golden.at("cases")) {
      const auto ids = expected.at("ids").get<std::vector<std::int32_t>>();
      EXPECT_EQ(tokenizer.encode(expected.at("text").get<std::string>(), SpecialTokens::kAdd), ids);
      EXPECT_EQ(tokenizer.decode(ids, false), expected.at("decoded").get<std::string>());
      EXPECT_EQ(tokenizer.decode(ids, true), expected.at("skipped").get<std::string>());
    }
    const auto& texts = tokenizer.special_texts();
    const std::map<std::string, std::string> special(texts.begin(), texts.end());
    EXPECT_EQ(special, (golden.at("special").get<std::map<std::string, std::string>>()));
  }
  EXPECT_EQ(count, 26);
}

TEST(TokenizerNeighbours, GiveChatTemplatesTheirSpecialTokens) {
  const ChatTemplate chat("{{ bos_token }}{{ pad_token }}{{ image_token }}{{ sep_token }}");
  EXPECT_EQ(chat.render({.messages = {},
                         .bos_token = "<s>",
                         .special_tokens = {{"bos_token", "<s>"}, {"pad_token", "<p>"}, {"image_token", "<i>"}}}),
            "<s><p><i>");
}

Json config_with(const Json& keys) {
  Json config{{"tokenizer_class", "PreTrainedTokenizerFast"}};
  config.update(keys);
  return {{"tokenizer_config.json", config}};
}

TEST(TokenizerNeighbours, NameWhatTheyCannotApply) {
  const auto failure = [](const Json& keys) { return TokenizerFolder(config_with(keys)).failure(); };
  EXPECT_EQ(failure(Json::object()), "");
  const Json token{{"content", "<x>"}, {"special", true}};
  EXPECT_THAT(failure({{"added_tokens_decoder", {{"405", token}}}}), HasSubstr("\"<x>\" has the id 405, expected 400"));
  EXPECT_THAT(failure({{"added_tokens_decoder", {{"400", {{"content", "the"}}}}}}), HasSubstr("expected 363"));
  EXPECT_THAT(failure({{"added_tokens_decoder", {{"x", token}}}}), HasSubstr("tokenizer_config.json"));
  EXPECT_THAT(failure({{"added_tokens_decoder", {{"400", "<x>"}}}}), HasSubstr("tokenizer_config.json"));
  EXPECT_THAT(failure({{"added_tokens_decoder", Json::array({token})}}), HasSubstr("added_tokens_decoder"));
  EXPECT_THAT(failure({{"pad_token", 7}}), HasSubstr("tokenizer_config.json"));
  EXPECT_THAT(failure({{"add_prefix_space", true}}), HasSubstr("\"add_prefix_space\" is true"));
  EXPECT_THAT(failure({{"split_special_tokens", "yes"}}), HasSubstr("split_special_tokens"));
  EXPECT_THAT(failure({{"clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", true}}),
              HasSubstr("clean_up_tokenization_spaces_for_bpe"));
  EXPECT_THAT(failure({{"extra_special_tokens", {{"messages", "<x>"}}}}), HasSubstr("\"messages\""));
  EXPECT_THAT(TokenizerFolder(Json{{"added_tokens.json", {{"<x>", 500}}}}).failure(), HasSubstr("expected 400"));
  EXPECT_THAT(TokenizerFolder(Json{{"added_tokens.json", Json::array()}}).failure(), HasSubstr("added_tokens.json"));
  EXPECT_THAT(TokenizerFolder(Json{{"special_tokens_map.json", 3}}).failure(), HasSubstr("special_tokens_map.json"));
}

TEST(TokenizerNeighbours, NameATemplateFileThatIsNotUtf8) {
  const TokenizerFolder folder(Json::object());
  folder.write("chat_template.jinja", "{{ messages }}\xff");
  EXPECT_THAT(folder.failure(), HasSubstr("chat_template.jinja: invalid UTF-8 at byte 14"));
}

// transformers 5, GPT2Tokenizer from vocab.json and merges.txt: add_bos_token and add_eos_token put the tokens around.
TEST(TokenizerNeighbours, PutTokensAroundTheTextsOfATokenizerWithoutTokenizerJson) {
  const TokenizerFolder folder;
  const Json small = small_tokenizer();
  folder.write("vocab.json", small.at("model").at("vocab").dump());
  std::string merges = "#version: 0.2\n";
  for (const Json& merge : small.at("model").at("merges")) {
    merges +=
        merge.is_array() ? merge[0].get<std::string>() + " " + merge[1].get<std::string>() : merge.get<std::string>();
    merges += "\n";
  }
  folder.write("merges.txt", merges);
  const auto encode = [&](bool bos, bool eos) {
    folder.write("tokenizer_config.json", Json{{"tokenizer_class", "GPT2Tokenizer"},
                                               {"bos_token", "<s>"},
                                               {"eos_token", "</s>"},
                                               {"unk_token", "<s>"},
                                               {"add_bos_token", bos},
                                               {"add_eos_token", eos}}
                                              .dump());
    return folder.open().encode("the </s>", SpecialTokens::kAdd);
  };
  EXPECT_EQ(encode(false, false), (std::vector<std::int32_t>{363, 220, 401}));
  EXPECT_EQ(encode(true, false), (std::vector<std::int32_t>{400, 363, 220, 401}));
  EXPECT_EQ(encode(true, true), (std::vector<std::int32_t>{400, 363, 220, 401, 401}));
}

}  // namespace
}  // namespace qreason
