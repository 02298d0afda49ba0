#include "cli/model_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A store of its own while it lives.
class Store {
 public:
  Store() { ::setenv("QREASON_STORE", folder_.path().c_str(), 1); }
  ~Store() { ::unsetenv("QREASON_STORE"); }
  const fs::path& path() const { return folder_.path(); }
  fs::path add(const std::string& name) const {
    fs::create_directories(path() / name);
    std::ofstream(path() / name / "config.json") << "{}";
    return path() / name;
  }

 private:
  testing::ScratchFolder folder_;
};

std::string failure_of(const std::string& reference) {
  try {
    return "found " + resolve_model(reference).string();
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ResolveModel, TakesPathsFirst) {
  const Store store;
  store.add("mine");
  const testing::ScratchFolder here;
  fs::create_directory(here.path() / "mine");
  const fs::path before = fs::current_path();
  fs::current_path(here.path());
  const fs::path found = resolve_model("mine");
  fs::current_path(before);
  EXPECT_EQ(found, "mine");
}

TEST(ResolveModel, FindsNamesFilesAndHubIdsInTheStore) {
  const Store store;
  const fs::path mine = store.add("mine"), hub = store.add("Qwen/QwQ-32B"), other = store.add("org/name@v1");
  std::ofstream(store.path() / "small.gguf") << "GGUF";
  EXPECT_EQ(resolve_model("mine"), mine);
  EXPECT_EQ(resolve_model("small"), store.path() / "small.gguf");
  EXPECT_EQ(resolve_model("Qwen/QwQ-32B"), hub);
  EXPECT_EQ(resolve_model("qwq-32b"), hub) << "the zoo's name of the same model";
  EXPECT_EQ(resolve_model("org/name@v1"), other);
}

TEST(ResolveModel, FindsWhatWasPulled) {
  const Store store;
  const fs::path hub = store.add("models/Qwen/QwQ-32B"), pinned = store.add("models/org/name@refs%2Fpr%2F1");
  store.add("models/org/name.partial");
  fs::create_directories(store.path() / "gguf/org/name");
  std::ofstream(store.path() / "gguf/org/name/q4.gguf") << "GGUF";
  EXPECT_EQ(resolve_model("Qwen/QwQ-32B"), hub);
  EXPECT_EQ(resolve_model("qwq-32b"), hub);
  EXPECT_EQ(resolve_model("org/name@refs/pr/1"), pinned);
  EXPECT_EQ(resolve_model("org/name"), store.path() / "gguf/org/name/q4.gguf") << "its only file";
  EXPECT_EQ(resolve_model("org/name/q4.gguf"), store.path() / "gguf/org/name/q4.gguf");
  std::ofstream(store.path() / "gguf/org/name/q8.gguf") << "GGUF";
  EXPECT_EQ(resolve_model("org/name/q8"), store.path() / "gguf/org/name/q8.gguf");
  EXPECT_THAT(failure_of("org/name"), HasSubstr("2 files in the store"));
  EXPECT_EQ(resolve_model("models/Qwen/QwQ-32B"), hub) << "a path below the store, as before";
}

TEST(ResolveModel, SaysHowToObtainAModelOfTheZoo) {
  const Store store;
  EXPECT_THAT(failure_of("r1-distill-qwen-7b"), HasSubstr("expected the model: run qreason pull r1-distill-qwen-7b"));
  EXPECT_THAT(failure_of("smollm2-135m-instruct"), HasSubstr("tools/fetch_model.py smollm2-135m-instruct"));
  EXPECT_THAT(failure_of("org/name@v1"), HasSubstr("expected `qreason pull org/name@v1` first"));
  EXPECT_THAT(failure_of("no-such-model"), HasSubstr("no-such-model: no such file, and no such model in"));
}

TEST(ResolveModel, NeverLeavesTheStoreByAName) {
  const Store store;
  const testing::ScratchFolder outside;
  std::ofstream(outside.path() / "config.json") << "{}";
  EXPECT_THAT(failure_of("../" + outside.path().filename().string() + "-x"), HasSubstr("no such file"));
  EXPECT_THAT(failure_of(""), HasSubstr("no such file"));
}

class CacheRoot {
 public:
  void add(const std::string& revision) const {
    fs::create_directories(root() / "snapshots" / revision);
    std::ofstream(root() / "snapshots" / revision / "config.json") << "{}";
  }
  void refer(const std::string& text) const {
    fs::create_directories(root() / "refs");
    std::ofstream(root() / "refs" / "main") << text;
  }
  fs::path root() const { return folder_.path() / "models--Qwen--Qwen2.5-0.5B"; }

 private:
  testing::ScratchFolder folder_;
};

TEST(ResolveModel, TakesTheSnapshotThatTheMainRefOfAHuggingFaceCacheNames) {
  const Store store;
  const CacheRoot cache;
  cache.add("aaaa");
  EXPECT_EQ(resolve_model(cache.root()), cache.root() / "snapshots/aaaa") << "the only one";
  cache.add("bbbb");
  EXPECT_THAT(failure_of(cache.root()), HasSubstr("2 snapshots and no refs/main"));
  cache.refer("bbbb\n");
  EXPECT_EQ(resolve_model(cache.root()), cache.root() / "snapshots/bbbb");
  EXPECT_EQ(model_name(resolve_model(cache.root())), "Qwen2.5-0.5B");
  cache.refer("../../elsewhere");
  EXPECT_THAT(failure_of(cache.root()), HasSubstr("the revision \"../../elsewhere\""));
  cache.refer("cccc");
  EXPECT_THAT(failure_of(cache.root()), HasSubstr("the revision \"cccc\", expected a folder in snapshots/"));
}

TEST(ResolveModel, TakesTheGgufFileOfACachedSnapshot) {
  const Store store;
  const CacheRoot cache;
  cache.add("aaaa");
  fs::rename(cache.root() / "snapshots/aaaa/config.json", cache.root() / "snapshots/aaaa/m-q4.gguf");
  EXPECT_EQ(resolve_model(cache.root()), cache.root() / "snapshots/aaaa/m-q4.gguf");
}

TEST(ModelName, IsTheLastPartOfThePath) {
  EXPECT_EQ(model_name("/a/b/model-x/"), "model-x");
  EXPECT_EQ(model_name("/a/b/model-1.5b"), "model-1.5b");
  EXPECT_EQ(model_name("b/tiny.Q4_0.gguf"), "tiny.Q4_0");
}

// A tiny model with the tokenizer and settings of a real one around it.
fs::path tiny_model(const fs::path& folder, const fs::path& weights, const fs::path& tokenizer) {
  for (const char* file : {"config.json", "model.safetensors"}) fs::copy(weights / file, folder / file);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) fs::copy(tokenizer / file, folder / file);
  std::ofstream(folder / "generation_config.json")
      << R"({"temperature": 0.7, "top_p": 0.8, "top_k": 20, "eos_token_id": [5, 3, 151645]})";
  return folder;
}

TEST(OpenModel, BringsTokenizerTemplateStopsAndSampling) {
  QREASON_REQUIRE_ORACLE(weights, "qwen2-tiny");
  QREASON_REQUIRE_SHARED(tokenizer, "models/tokenizers/derived-qwen2.5");
  const testing::ScratchFolder folder;
  const OpenedModel model = open_model(tiny_model(folder.path(), weights, tokenizer).string());
  EXPECT_EQ(model.name, folder.path().filename().string());
  // 5 and 3 of generation_config.json, 2 of config.json; 151645 is no token of a vocabulary of 256.
  EXPECT_THAT(stop_tokens(model), ElementsAre(2, 3, 5));
  const SamplingParameters sampling = sampling_defaults(*model.checkpoint);
  EXPECT_EQ(sampling.temperature, 0.7);
  EXPECT_EQ(sampling.top_p, 0.8);
  EXPECT_EQ(sampling.top_k, 20);
  // Qwen2.5's template by hand: its default system prompt, the turn, the generation prompt.
  EXPECT_EQ(render_chat(model.require_text(), "Hi"),
            "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  const auto ids = encode_chat(model.require_text(), "Hi");
  ASSERT_FALSE(ids.empty());
  EXPECT_EQ(ids.front(), 151644) << "<|im_start|>, and no BOS before it";
}

TEST(OpenModel, ToleratesATokenizerThatIsNotThere) {
  QREASON_REQUIRE_ORACLE(weights, "qwen2-tiny");
  const OpenedModel model = open_model(weights.string());
  EXPECT_FALSE(model.text);
  EXPECT_THROW(model.require_text(), Error);
}

TEST(OpenModel, TellsAboutABrokenTemplateOnlyWhenItIsUsed) {
  QREASON_REQUIRE_ORACLE(weights, "qwen2-tiny");
  QREASON_REQUIRE_SHARED(tokenizer, "models/tokenizers/derived-qwen2.5");
  const testing::ScratchFolder folder;
  tiny_model(folder.path(), weights, tokenizer);
  std::ofstream(folder.path() / "tokenizer_config.json") << R"({"chat_template": "{% frobnicate %}"})";
  const OpenedModel model = open_model(folder.path().string());
  try {
    render_chat(model.require_text(), "Hi");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the tag 'frobnicate'"));
  }
}

TEST(OpenTokenizer, NeedsNoWeights) {
  QREASON_REQUIRE_SHARED(tokenizer, "models/tokenizers/derived-deepseek-r1-distill-qwen");
  const OpenedTokenizer text = open_tokenizer(tokenizer.string());
  ASSERT_TRUE(text.chat) << text.chat_problem;
  EXPECT_THAT(render_chat(text, "Hi"), HasSubstr("<｜User｜>Hi<｜Assistant｜>"));
}

TEST(OpenModel, ReadsTheVocabularyOfGgufFiles) {
  QREASON_REQUIRE_SHARED(path, "oracle/checkpoints/gguf/llama-tiny-bf16.gguf");
  const OpenedModel model = open_model(path.string());
  ASSERT_TRUE(model.text);
  EXPECT_EQ(model.text->tokenizer.vocabulary_size(), 256);
  EXPECT_EQ(model.name, "llama-tiny-bf16");
}

}  // namespace
}  // namespace qreason
