// logits, perplexity, compare and generate as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/safetensors_reader.h"

namespace qreason::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

CommandResult qreason(const std::string& arguments) {
  return run_command(qreason_binary() + " " + arguments);
}

// A safetensors file with one int32 tensor, written by hand from the format's description.
void write_tokens(const std::filesystem::path& path, const std::vector<std::int32_t>& ids,
                  const std::vector<std::int64_t>& shape, const std::string& name = "tokens") {
  const std::size_t bytes = ids.size() * sizeof(std::int32_t);
  std::string header =
      nlohmann::json{{name, {{"dtype", "I32"}, {"shape", shape}, {"data_offsets", {0, bytes}}}}}.dump();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << header;
  out.write(reinterpret_cast<const char*>(ids.data()), static_cast<std::streamsize>(bytes));
}

TEST(LogitsCommand, WritesTransformersLogits) {
  QREASON_REQUIRE_ORACLE(folder, "qwen2-tiny");
  const ScratchFolder scratch;
  const auto in = scratch.path() / "in.safetensors", out = scratch.path() / "out.safetensors";
  write_tokens(in, SafetensorsReader(folder / "tokens.safetensors").read("eval").as<std::int32_t>(), {2, 48});
  const std::string command = "logits " + folder.string() + " --tokens " + in.string() + " -o " + out.string();
  EXPECT_EQ(qreason(command + " --json").exit_code, 0);
  const GoldenTensor got = SafetensorsReader(out).read("logits");
  EXPECT_EQ(got.shape, (std::vector<std::int64_t>{2, 48, 256}));
  const auto want = SafetensorsReader(folder / "float.safetensors").read("logits").as<float>();
  EXPECT_TRUE(all_close(got.as<float>(), want, {.absolute = 1e-4}));  // the logits' standard deviation is about 2

  const CommandResult again = qreason(command);
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.standard_error, HasSubstr("exists already"));
  EXPECT_EQ(qreason(command + " --force --threads 1").exit_code, 0);
  EXPECT_TRUE(bits_equal(SafetensorsReader(out).read("logits").as<float>(), got.as<float>()));
}

TEST(LogitsCommand, RefusesWrongTokens) {
  QREASON_REQUIRE_ORACLE(folder, "qwen2-tiny");
  const ScratchFolder scratch;
  const auto in = scratch.path() / "in.safetensors";
  const std::string command =
      "logits " + folder.string() + " --tokens " + in.string() + " -o " + (scratch.path() / "out.safetensors").string();
  const auto expect_failure = [&](const std::string& part) {
    const CommandResult result = qreason(command);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.standard_error, StartsWith("error: "));
    EXPECT_THAT(result.standard_error, HasSubstr(part));
    EXPECT_FALSE(std::filesystem::exists(scratch.path() / "out.safetensors"));
  };
  expect_failure("in.safetensors");
  write_tokens(in, {1, 2, 3, 256}, {2, 2});
  expect_failure("256");
  write_tokens(in, {1, 2, 3, 4}, {4});
  expect_failure("[n, length]");
  write_tokens(in, {1, 2, 3, 4}, {2, 2}, "ids");
  expect_failure("tokens");
  EXPECT_EQ(qreason("logits " + folder.string()).exit_code, 2);
  EXPECT_EQ(qreason(command + " --dtype float16").exit_code, 2);
}

TEST(GenerateCommand, SaysWhatIsMissing) {
  QREASON_REQUIRE_ORACLE(folder, "qwen2-tiny");
  const std::string command = "generate " + folder.string();
  const CommandResult no_tokenizer = qreason(command + " -p Hello");
  EXPECT_EQ(no_tokenizer.exit_code, 1);
  EXPECT_THAT(no_tokenizer.standard_error, HasSubstr("no tokenizer"));
  EXPECT_EQ(qreason(command + " --json").exit_code, 2);
  EXPECT_EQ(qreason(command + " -p Hello --seed -1").exit_code, 2);
  const ScratchFolder scratch;
  const auto prompts = scratch.path() / "prompts.jsonl";
  std::ofstream(prompts) << "{\"prompt\": \"a\"}\n\n{\"text\": \"b\"}\n";
  const CommandResult wrong_line = qreason(command + " --prompts " + prompts.string());
  EXPECT_EQ(wrong_line.exit_code, 1);
  EXPECT_THAT(wrong_line.standard_error, HasSubstr("prompts.jsonl:3"));
  std::ofstream(prompts) << "{\"prompt\": \"a\", \"max_tokens\": 4}\n";
  const CommandResult unknown = qreason(command + " --prompts " + prompts.string());
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.standard_error, HasSubstr("prompts.jsonl:1: the key \"max_tokens\", expected prompt, seed"));
  for (const std::string option : {"-p", "--stop"}) {
    const CommandResult no_text = qreason(command + " -p a " + option + " 'a\xff'");
    EXPECT_EQ(no_text.exit_code, 1);
    EXPECT_THAT(no_text.standard_error, HasSubstr("error: " + option + ": bytes that are not UTF-8 at offset 1"));
  }
}

// The commands that need a tokenizer run on SmolLM2-135M where it is in the store.
class WithRealModel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (qreason("inspect smollm2-135m-instruct").exit_code != 0 &&
        qreason("tokenize smollm2-135m-instruct x").exit_code != 0) {
      GTEST_SKIP() << "smollm2-135m-instruct is not in the store";
    }
  }
  static nlohmann::json json_of(const std::string& arguments) {
    const CommandResult result = qreason(arguments + " --json --quiet");
    EXPECT_EQ(result.exit_code, 0) << result.standard_error;
    return nlohmann::json::parse(result.standard_output);
  }
};

TEST_F(WithRealModel, AnAnswerDependsOnSeedAndPromptAlone) {
  const std::string command = "generate smollm2-135m-instruct --max-tokens 8 --temperature 1 ";
  const auto alone = json_of(command + "-p 'Name a river.'")["answers"][0];
  const ScratchFolder scratch;
  const auto prompts = scratch.path() / "prompts.jsonl";
  std::ofstream(prompts) << "{\"prompt\": \"Hello\"}\n{\"prompt\": \"Name a river.\", \"seed\": 42}\n"
                         << "{\"prompt\": \"Name a river.\", \"seed\": 43}\n";
  const auto batch = json_of(command + "--prompts " + prompts.string())["answers"];
  ASSERT_EQ(batch.size(), 3u);
  EXPECT_EQ(batch[1], alone);
  EXPECT_NE(batch[2]["tokens"], alone["tokens"]);
  EXPECT_EQ(json_of(command + "--batch 1 --threads 1 --prompts " + prompts.string())["answers"], batch);
  const CommandResult streamed = qreason(command + "-p 'Name a river.'");
  EXPECT_EQ(streamed.standard_output, alone["text"].get<std::string>() + "\n");
}

TEST_F(WithRealModel, PerplexityAndCompareAgreeOnTheSameText) {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "text.txt";
  std::ofstream(file) << "The quick brown fox jumps over the lazy dog. The dog does not mind, as dogs seldom do. Foxes "
                         "are quick and brown, and the day is long.\n";
  const std::string text = " --window 16 --windows 2 --text " + file.string();
  const auto perplexity = json_of("perplexity smollm2-135m-instruct" + text);
  EXPECT_EQ(perplexity["tokens"], 30);
  EXPECT_EQ(perplexity["windows"], 2);
  const auto same = json_of("compare smollm2-135m-instruct smollm2-135m-instruct" + text);
  EXPECT_EQ(same["kl_mean"], 0);
  EXPECT_EQ(same["same_top1"], 1);
  EXPECT_EQ(same["ppl_base"], perplexity["ppl"]);
  EXPECT_EQ(same["ppl_model"], perplexity["ppl"]);
}

}  // namespace
}  // namespace qreason::testing
