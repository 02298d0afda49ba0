// The text of the studied models by their real config.json (tests/data/model/studied) and tokenizers: template, BOS,
// stop tokens, sampling.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "checkpoint/hf_writer.h"
#include "cli/model_loader.h"
#include "support/fixtures.h"
#include "support/random_model.h"
#include "support/studied_model.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::ElementsAreArray;
using ::testing::EndsWith;

struct StudiedModel {
  const char *name, *tokenizer, *generation;  // generation: a file, or none
  const char* turn;                           // the rendered prompt's end
  std::vector<std::int32_t> stops;            // of config, generation config and tokenizer together
};

const std::vector<StudiedModel>& studied() {
  static const char *kDeepSeek = "<｜User｜>Hi<｜Assistant｜><think>\n", *kQwen = "derived-deepseek-r1-distill-qwen",
                    *kLlama = "derived-deepseek-r1-distill-llama",
                    *kQwenGeneration = "DeepSeek-R1-Distill-Qwen.generation_config.json",
                    *kLlamaGeneration = "DeepSeek-R1-Distill-Llama.generation_config.json";
  static const std::vector<StudiedModel> models{
      {"DeepSeek-R1-Distill-Qwen-1.5B", kQwen, kQwenGeneration, kDeepSeek, {151643}},
      {"DeepSeek-R1-Distill-Qwen-7B", kQwen, kQwenGeneration, kDeepSeek, {151643}},
      {"DeepSeek-R1-Distill-Qwen-14B", kQwen, kQwenGeneration, kDeepSeek, {151643}},
      {"DeepSeek-R1-Distill-Qwen-32B", kQwen, kQwenGeneration, kDeepSeek, {151643}},
      {"QwQ-32B",
       "derived-qwq-32b",
       nullptr,
       "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n",
       {151645}},
      {"DeepSeek-R1-Distill-Llama-8B", kLlama, kLlamaGeneration, kDeepSeek, {128001}},
      {"DeepSeek-R1-Distill-Llama-70B", kLlama, kLlamaGeneration, kDeepSeek, {128001, 128008, 128009}}};
  return models;
}

void write_model(const fs::path& folder, const ModelConfig& config) {
  fs::create_directories(folder);
  write_hf_model(folder, testing::RandomModel(config, 3, at::kBFloat16), to_hf_json(config).dump(2));
}

class StudiedText : public ::testing::TestWithParam<std::size_t> {
 protected:
  const StudiedModel& model() const { return studied()[GetParam()]; }
  const ModelConfig config_ = testing::studied_config(studied()[GetParam()].name);
  testing::ScratchFolder scratch_;
};

TEST_P(StudiedText, AreAskedAndEndedAsTheirFilesSay) {
  QREASON_REQUIRE_SHARED(tokenizer, std::string("models/tokenizers/") + model().tokenizer);
  const fs::path folder = scratch_.path() / "model";
  ModelConfig config = testing::with_heads_of(config_, 2);
  config.layers = 1;
  write_model(folder, config);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) fs::copy(tokenizer / file, folder / file);
  if (model().generation != nullptr) {
    fs::copy(testing::project_path("tests/data/model/studied") / model().generation, folder / "generation_config.json");
  }
  const OpenedModel opened = open_model(folder.string());
  EXPECT_THAT(render_chat(opened.require_text(), "Hi"), EndsWith(model().turn));
  EXPECT_THAT(stop_tokens(opened), ElementsAreArray(model().stops));
  const std::vector<std::int32_t> prompt = encode_chat(opened.require_text(), "Hi");
  // The template brings the BOS of the distilled models once; QwQ has none.
  const std::int32_t first = config.architecture == Architecture::kLlama ? 128000
                             : model().generation != nullptr             ? 151646
                                                                         : 151644;
  ASSERT_GT(prompt.size(), 3u);
  EXPECT_EQ(prompt[0], first);
  EXPECT_NE(prompt[1], first);
  const SamplingParameters sampling = sampling_defaults(*opened.checkpoint);
  if (model().generation != nullptr) {
    EXPECT_EQ(sampling.temperature, 0.6);
    EXPECT_EQ(sampling.top_p, 0.95);
  }
}

INSTANTIATE_TEST_SUITE_P(All, StudiedText, ::testing::Range(std::size_t{0}, studied().size()), [](const auto& item) {
  std::string name = studied()[item.param].name;
  for (char& letter : name) letter = letter == '-' || letter == '.' ? '_' : letter;
  return name;
});

}  // namespace
}  // namespace qreason
