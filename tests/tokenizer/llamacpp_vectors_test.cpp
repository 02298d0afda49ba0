// llama.cpp's own test strings and token ids (models/ggml-vocab-*.gguf.inp/.out), whose tokenizers are independent
// code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/file.h"
#include "support/fixtures.h"
#include "tokenizer/tokenizer.h"

namespace qreason {
namespace {

struct VectorSet {
  std::string vectors, tokenizer;
  friend void PrintTo(const VectorSet& set, std::ostream* out) { *out << set.vectors << " on " << set.tokenizer; }
};

std::vector<std::string> test_strings(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> strings;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    strings.push_back(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
  return strings;
}

std::vector<std::vector<std::int32_t>> expected_ids(const std::filesystem::path& path) {
  std::istringstream lines(read_text_file(path));
  std::vector<std::vector<std::int32_t>> all;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    all.emplace_back(std::istream_iterator<std::int32_t>(numbers), std::istream_iterator<std::int32_t>());
  }
  return all;
}

class LlamaCppVectors : public ::testing::TestWithParam<VectorSet> {};

TEST_P(LlamaCppVectors, GiveTheSameIdsAndDecodeToTheText) {
  QREASON_REQUIRE_SHARED(tokenizers, "models/tokenizers");
  QREASON_REQUIRE_SHARED(folder, "models/llamacpp-vocab");
  const Tokenizer tokenizer = Tokenizer::from_directory(tokenizers / GetParam().tokenizer);
  const auto strings = test_strings(folder / (GetParam().vectors + ".gguf.inp"));
  const auto expected = expected_ids(folder / (GetParam().vectors + ".gguf.out"));
  ASSERT_EQ(strings.size(), expected.size());
  ASSERT_GE(strings.size(), 40u);
  for (std::size_t i = 0; i < strings.size(); ++i) {
    EXPECT_EQ(tokenizer.encode(strings[i]), expected[i]) << "text: " << strings[i];
    EXPECT_EQ(tokenizer.decode(expected[i]), strings[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, LlamaCppVectors,
                         ::testing::Values(VectorSet{"ggml-vocab-qwen2", "derived-qwen2.5"},
                                           VectorSet{"newer/ggml-vocab-qwen2", "derived-qwen2.5"},
                                           VectorSet{"ggml-vocab-qwen2", "derived-qwq-32b"},
                                           VectorSet{"ggml-vocab-deepseek-r1-qwen", "derived-deepseek-r1-distill-qwen"},
                                           VectorSet{"ggml-vocab-llama-bpe", "derived-deepseek-r1-distill-llama"},
                                           VectorSet{"newer/ggml-vocab-llama-bpe",
                                                     "derived-deepseek-r1-distill-llama"}));

}  // namespace
}  // namespace qreason
