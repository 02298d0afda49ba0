// Files from outside that are wrong, hostile or unsupported: each is one Error that names the field.
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

Json small_document() {
  const auto path = testing::project_path("tests/data/tokenizer/small.json");
  return parse_json(read_text_file(path), path.string());
}

std::string error_of_text(const std::string& text) {
  const testing::ScratchFolder scratch;
  write_file_atomic(scratch.path() / "tokenizer.json", text);
  try {
    Tokenizer::from_directory(scratch.path());
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("tokenizer.json"));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    EXPECT_LT(std::string(error.what()).size(), 700u);
    return error.what();
  }
  return "no error";
}

std::string error_of(const std::function<void(Json&)>& change) {
  Json document = small_document();
  change(document);
  return error_of_text(document.dump());
}

Json added(const std::string& content, std::int64_t id) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

TEST(InvalidTokenizer, TheUnchangedFileIsRead) {
  EXPECT_EQ(error_of([](Json&) {}), "no error");
}

TEST(InvalidTokenizer, FilesThatAreNoTokenizersAreNamed) {
  EXPECT_THAT(error_of_text(""), HasSubstr("invalid JSON"));
  EXPECT_THAT(error_of_text("[]"), HasSubstr("object"));
  EXPECT_THAT(error_of_text("{}"), HasSubstr("model"));
  EXPECT_THAT(error_of_text(std::string(100'000, '[')), HasSubstr("JSON"));
  EXPECT_THAT(error_of_text(R"({"model": {}, "model": {}})"), HasSubstr("twice"));
  EXPECT_THAT(error_of_text("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\xFF\": 0}, \"merges\": []}}"),
              HasSubstr("invalid JSON"));
  const testing::ScratchFolder empty;
  EXPECT_THROW(Tokenizer::from_directory(empty.path()), Error);
  EXPECT_THROW(Tokenizer::from_directory(empty.path() / "absent"), Error);
}

TEST(InvalidTokenizer, UnsupportedModelsAreNamed) {
  EXPECT_THAT(error_of([](Json& d) { d["model"]["type"] = "Unigram"; }), HasSubstr("Unigram"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["dropout"] = 0.1; }), HasSubstr("dropout"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["byte_fallback"] = true; }), HasSubstr("byte_fallback"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["continuing_subword_prefix"] = "##"; }),
              HasSubstr("continuing_subword_prefix"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["end_of_word_suffix"] = "</w>"; }), HasSubstr("end_of_word_suffix"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["unk_token"] = "<unk>"; }), HasSubstr("unk_token"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["ignore_merges"] = 1; }), HasSubstr("ignore_merges"));
}

TEST(InvalidTokenizer, UnsupportedSectionsAreNamed) {
  EXPECT_THAT(error_of([](Json& d) { d["normalizer"] = {{"type", "Lowercase"}}; }), HasSubstr("Lowercase"));
  EXPECT_THAT(error_of([](Json& d) {
                d["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFKC"}}}}};
              }),
              HasSubstr("NFKC"));
  EXPECT_THAT(error_of([](Json& d) { d["pre_tokenizer"] = {{"type", "Metaspace"}}; }), HasSubstr("Metaspace"));
  EXPECT_THAT(error_of([](Json& d) { d["pre_tokenizer"] = nullptr; }), HasSubstr("pre_tokenizer"));
  EXPECT_THAT(error_of([](Json& d) { d["pre_tokenizer"] = {{"type", "Digits"}}; }), HasSubstr("ByteLevel"));
  EXPECT_THAT(error_of([](Json& d) {
                d["post_processor"] = {{"type", "BertProcessing"}};
              }),
              HasSubstr("BertProcessing"));
  EXPECT_THAT(error_of([](Json& d) { d["decoder"] = {{"type", "WordPiece"}}; }), HasSubstr("WordPiece"));
  EXPECT_THAT(error_of([](Json& d) { d["decoder"] = nullptr; }), HasSubstr("decoder"));
  EXPECT_THAT(error_of([](Json& d) {
                Json stages = Json::array();
                for (int i = 0; i < 1000; ++i) stages.push_back({{"type", "Digits"}});
                d["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", stages}};
              }),
              HasSubstr("too many"));
  EXPECT_THAT(error_of([](Json& d) {
                Json nested = {{"type", "ByteLevel"}};
                for (int i = 0; i < 300; ++i) nested = {{"type", "Sequence"}, {"pretokenizers", Json::array({nested})}};
                d["pre_tokenizer"] = nested;
              }),
              HasSubstr("nested"));
}

TEST(InvalidTokenizer, PatternsThatAreBrokenOrMeanSomethingElseElsewhereAreNamed) {
  const auto with_pattern = [](const Json& pattern) {
    return error_of([&](Json& d) {
      const Json split = {{"type", "Split"}, {"pattern", pattern}, {"behavior", "Isolated"}, {"invert", false}};
      d["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", Json::array({split, {{"type", "ByteLevel"}}})}};
    });
  };
  EXPECT_EQ(with_pattern({{"Regex", R"(\p{L}+|[^\s]+)"}}), "no error");
  for (const char* pattern : {"(",
                              "(a",
                              "[a",
                              "[",
                              "a)",
                              "\\",
                              "*",
                              "\\p{Klingon}",
                              "\\p",
                              "^a",
                              "a$",
                              "[[a]b]",
                              "[a&&b]",
                              "(?<name>a)",
                              "(?#x)",
                              "\\w+",
                              "\\b",
                              "\\h",
                              "\\1",
                              "{",
                              "a{2}+",
                              "(?m:a)",
                              "(?s)a",
                              "[\\S]",
                              "",
                              "a{99999}",
                              "((((a{1,1000}){1,1000}){1,1000}){1,1000})"}) {
    EXPECT_THAT(with_pattern({{"Regex", pattern}}), HasSubstr("pattern")) << pattern;
  }
  EXPECT_THAT(with_pattern({{"Regex", std::string(100'000, 'a')}}), HasSubstr("pattern"));
  EXPECT_THAT(with_pattern({{"Regex", std::string(5'000, '(') + std::string(5'000, ')')}}), HasSubstr("pattern"));
  EXPECT_THAT(with_pattern(Json::object()), HasSubstr("String"));
  EXPECT_THAT(with_pattern("a"), HasSubstr("object"));
}

TEST(InvalidTokenizer, APatternThatBacktracksWithoutEndIsAnErrorNotAHang) {
  Json document = small_document();
  const Json split = {{"type", "Split"}, {"pattern", {{"Regex", "(a+)+b|(a*)*c"}}}, {"behavior", "Isolated"}};
  document["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", Json::array({split, {{"type", "ByteLevel"}}})}};
  const testing::ScratchFolder scratch;
  write_file_atomic(scratch.path() / "tokenizer.json", document.dump());
  const Tokenizer tokenizer = Tokenizer::from_directory(scratch.path());
  EXPECT_THROW(tokenizer.encode(std::string(60, 'a')), Error);
}

TEST(InvalidTokenizer, IdsThatAreOutOfRangeOrDoubledAreNamed) {
  EXPECT_THAT(error_of([](Json& d) { d["model"]["vocab"]["zz"] = -1; }), HasSubstr("-1"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["vocab"]["zz"] = 2147483647; }), HasSubstr("2147483647"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["vocab"]["zz"] = 18446744073709551615u; }), HasSubstr("zz"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["vocab"]["zz"] = 1e3; }), HasSubstr("zz"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["vocab"]["zz"] = "5"; }), HasSubstr("zz"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["vocab"]["zz"] = 5; }), HasSubstr("id 5"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["vocab"][""] = 1000; }), HasSubstr("0 bytes"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["vocab"][std::string(100'000, 'a')] = 1000; }),
              HasSubstr("100000 bytes"));
  EXPECT_THAT(error_of([](Json& d) { d["model"]["vocab"] = Json::array(); }), HasSubstr("vocabulary"));
  EXPECT_THAT(error_of([](Json& d) { d["added_tokens"] = {added("<x>", 5)}; }), HasSubstr("id 5"));
  EXPECT_THAT(error_of([](Json& d) { d["added_tokens"] = {added("<x>", 1'000'000'000'000)}; }), HasSubstr("<x>"));
  EXPECT_THAT(error_of([](Json& d) { d["added_tokens"] = {added("<x>", 500), added("<x>", 501)}; }), HasSubstr("<x>"));
  EXPECT_THAT(error_of([](Json& d) {
                d["added_tokens"] = {added("<x>", 500), added("<y>", 500)};
              }),
              HasSubstr("id 500"));
  EXPECT_THAT(error_of([](Json& d) { d["added_tokens"] = {added("", 500)}; }), HasSubstr("500"));
  EXPECT_THAT(error_of([](Json& d) { d["added_tokens"] = {5}; }), HasSubstr("object"));
  EXPECT_THAT(error_of([](Json& d) { d["added_tokens"] = 5; }), HasSubstr("added_tokens"));
}

TEST(InvalidTokenizer, AFarIdIsReadAndTheGapHasNoTokens) {
  Json document = small_document();
  document["added_tokens"] = {added("<far>", 4'000'000)};
  const testing::ScratchFolder scratch;
  write_file_atomic(scratch.path() / "tokenizer.json", document.dump());
  const Tokenizer tokenizer = Tokenizer::from_directory(scratch.path());
  EXPECT_EQ(tokenizer.encode("<far>"), std::vector<std::int32_t>{4'000'000});
  EXPECT_EQ(tokenizer.vocabulary_size(), 4'000'001);
  EXPECT_FALSE(tokenizer.has_token(3'999'999));
  EXPECT_THROW(tokenizer.piece(3'999'999), Error);
}

TEST(InvalidTokenizer, MergesThatDoNotFitTheVocabularyAreNamed) {
  const auto with_merge = [](const Json& merge) {
    return error_of([&](Json& d) { d["model"]["merges"].push_back(merge); });
  };
  EXPECT_THAT(with_merge("zzz y"), HasSubstr("zzz"));
  EXPECT_THAT(with_merge(Json::array({"a", "zzz"})), HasSubstr("zzz"));
  EXPECT_THAT(with_merge("z z"), HasSubstr("zz")) << "the result of a merge must be there, too";
  for (const Json& merge : {Json("a"), Json("a b c"), Json(5), Json::array({"a"}), Json::array({"a", 5}), Json(nullptr),
                            Json("a "), Json(" ")}) {
    EXPECT_THAT(with_merge(merge), HasSubstr("merge")) << merge;
  }
  EXPECT_THAT(error_of([](Json& d) { d["model"]["merges"] = Json::object(); }), HasSubstr("merges"));
}

TEST(InvalidTokenizer, PostProcessorsWithTokensThatAreNotThereAreNamed) {
  const auto with_template = [](const Json& single, const Json& ids) {
    return error_of([&](Json& d) {
      d["post_processor"] = {{"type", "TemplateProcessing"},
                             {"single", single},
                             {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", ids}, {"tokens", {"<s>"}}}}}}};
    });
  };
  const Json bos = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  EXPECT_EQ(with_template({bos, text}, {1}), "no error");
  EXPECT_THAT(with_template({bos, text}, {100'000}), HasSubstr("100000"));
  EXPECT_THAT(with_template({bos, text}, {-1}), HasSubstr("<s>"));
  EXPECT_THAT(with_template({bos, text}, {"1"}), HasSubstr("<s>"));
  EXPECT_THAT(with_template(Json::array({bos}), {1}), HasSubstr("template"));
  EXPECT_THAT(with_template({text, text}, {1}), HasSubstr("template"));
  EXPECT_THAT(with_template({{{"SpecialToken", {{"id", "<other>"}}}}, text}, {1}), HasSubstr("<other>"));
  EXPECT_THAT(with_template(Json(std::vector<Json>(1000, bos)), {1}), HasSubstr("template"));
}

TEST(InvalidText, IsAnErrorThatSaysWhere) {
  const Tokenizer tokenizer = Tokenizer::from_directory(testing::project_path("tests/data/tokenizer/small.json"));
  try {
    tokenizer.encode("abc\xFF");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("byte 3"));
  }
}

}  // namespace
}  // namespace qreason
