// `qreason tokenize`, run as a user runs it, on a real GGUF vocabulary with llama.cpp's own vectors and on directories.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using testing::run_command;

std::string tokenize(const std::string& model, const std::string& arguments) {
  return testing::qreason_binary() + " tokenize '" + model + "' " + arguments;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Real files, of bytes and of SentencePiece's scores (Llama 2's); .inp and .out are llama.cpp's test strings and their
// ids.
class GgufVocabularies : public ::testing::TestWithParam<const char*> {};

TEST_P(GgufVocabularies, GiveLlamaCppsIds) {
  QREASON_REQUIRE_SHARED(folder, "models/llamacpp-vocab");
  const std::string name = GetParam(), separator = "\n__ggml_vocab_test__\n";
  const std::string strings = read_text_file(folder / (name + ".inp"));
  std::string as_json_lines;
  for (std::size_t begin = 0; begin < strings.size();) {
    const std::size_t end = std::min(strings.find(separator, begin), strings.size());
    as_json_lines += Json(strings.substr(begin, end - begin)).dump() + "\n";
    begin = end + separator.size();
  }
  const testing::ScratchFolder scratch;
  write_file_atomic(scratch.path() / "texts.jsonl", as_json_lines);
  const auto result =
      run_command(tokenize((folder / name).string(), "--json --text " + (scratch.path() / "texts.jsonl").string()));
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const auto printed = lines_of(result.standard_output);
  const auto expected = lines_of(read_text_file(folder / (name + ".out")));
  ASSERT_EQ(printed.size(), expected.size());
  for (std::size_t i = 0; i < printed.size(); ++i) {
    const Json object = parse_json(printed[i], "printed");
    std::istringstream numbers(expected[i]);
    const std::vector<std::int32_t> ids{std::istream_iterator<std::int32_t>(numbers),
                                        std::istream_iterator<std::int32_t>()};
    EXPECT_EQ(object["ids"].get<std::vector<std::int32_t>>(), ids) << "string " << i;
    EXPECT_EQ(object["pieces"].size(), ids.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenize, GgufVocabularies,
                         ::testing::Values("ggml-vocab-gpt-2.gguf", "ggml-vocab-llama-spm.gguf"), [](const auto& row) {
                           return std::string(row.param).find("spm") != std::string::npos ? "Scores" : "Bytes";
                         });

TEST(Tokenize, PutsTheTextThroughTheChatTemplateWithoutASecondBos) {
  QREASON_REQUIRE_SHARED(folder, "models/tokenizers/derived-deepseek-r1-distill-qwen");
  const auto result = run_command(tokenize(folder.string(), "--chat --json 'Hi'"));
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  // BOS, User, "Hi", Assistant, <think>, newline: the ids of the tokenizer.json, the order of its template.
  EXPECT_EQ(parse_json(result.standard_output, "printed")["ids"], Json({151646, 151644, 13048, 151645, 151648, 198}));
  const auto plain = run_command(tokenize(folder.string(), "--json 'Hi'"));
  EXPECT_EQ(parse_json(plain.standard_output, "printed")["ids"], Json({13048}));
  const auto special = run_command(tokenize(folder.string(), "--special --json 'Hi'"));
  EXPECT_EQ(parse_json(special.standard_output, "printed")["ids"], Json({151646, 13048}));
}

TEST(Tokenize, TakesAWholeFileAsOneText) {
  const testing::ScratchFolder scratch;
  write_file_atomic(scratch.path() / "text.txt", "a\nb\n");
  const std::string model = testing::project_path("tests/data/tokenizer/small.json").string();
  const auto result = run_command(tokenize(model, "--json --text " + (scratch.path() / "text.txt").string()));
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(parse_json(result.standard_output, "printed")["pieces"], Json({"a", "\u010A", "b", "\u010A"}));
}

TEST(Tokenize, TellsMistakesInOneLine) {
  const std::string model = testing::project_path("tests/data/tokenizer/small.json").string();
  const auto expect_failure = [&](const std::string& command, int code, const std::string& what) {
    const auto result = run_command(command);
    EXPECT_EQ(result.exit_code, code) << command;
    EXPECT_EQ(result.standard_output, "");
    EXPECT_THAT(result.standard_error, HasSubstr(what));
    EXPECT_EQ(lines_of(result.standard_error).size(), 1u) << result.standard_error;
  };
  expect_failure(tokenize(model, ""), 2, "TEXT");
  expect_failure(tokenize(model, "a b"), 2, "TEXT");
  expect_failure(tokenize(model, "a --text b"), 2, "--text");
  expect_failure(tokenize(model, "a --chat --special"), 2, "--special");
  expect_failure(tokenize(model, "a --chat"), 1, "chat template");
  expect_failure(tokenize(model, "--text /absent/file"), 1, "/absent/file");
  expect_failure(tokenize("/absent/model", "a"), 1, "/absent/model");
  expect_failure(tokenize(model, "\"$(printf 'ab\\377')\""), 1, "byte 2");
  const testing::ScratchFolder scratch;
  write_file_atomic(scratch.path() / "bad.jsonl", "\"fine\"\n5\n");
  expect_failure(tokenize(model, "--text " + (scratch.path() / "bad.jsonl").string()), 1, "bad.jsonl:2");
}

}  // namespace
}  // namespace qreason
