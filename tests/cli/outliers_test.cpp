// `qreason outliers`, and what theory predicts of its models: rounding weights alone loses little more than before,
// 8-bit activations and cache suffer, 4-bit ones collapse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "analysis/divergence.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/hf_writer.h"
#include "cli/model_loader.h"
#include "cli/program.h"
#include "data/steps/steps.h"
#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::RandomModel;
using testing::small_config;

struct Outcome {
  int exit_code;
  std::string output, errors;
};

Outcome run(const std::vector<std::string>& arguments) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int code = run_program(arguments);
  return {code, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

void write_random_model(const fs::path& folder) {
  const ModelConfig config = small_config(Architecture::kQwen2);
  fs::create_directories(folder);
  OrderedJson json = to_hf_json(config);
  json["pad_token_id"] = 5;  // a word that our own config does not hold
  write_hf_model(folder, RandomModel(config, 4, at::kBFloat16), json.dump());
  write_file_atomic(folder / "generation_config.json", "{\"temperature\": 0.6}");
}

std::vector<float> logits_of(const Decoder& decoder, const std::vector<std::int32_t>& tokens) {
  SequenceCache cache(PagePool(decoder.cache_layout()));
  DecoderStep step;
  const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kAll};
  std::vector<float> logits;
  Executor executor(1);
  decoder.forward({&input, 1}, step, logits, executor);
  return logits;
}

TEST(OutliersCommand, WritesAModelOfTheSameFunctionTypeAndWords) {
  const testing::ScratchFolder scratch;
  const fs::path model = scratch.path() / "model", output = scratch.path() / "output";
  write_random_model(model);
  const Outcome outcome = run({"outliers", model.string(), "-o", output.string(), "--channels", "1", "--json"});
  ASSERT_EQ(outcome.exit_code, kExitDone) << outcome.errors;
  EXPECT_EQ(parse_json(outcome.output, "printed")["path"], output.string());
  for (const char* name : {"config.json", "generation_config.json"})
    EXPECT_EQ(read_text_file(output / name), read_text_file(model / name));

  const OpenedModel before = open_model(model.string()), after = open_model(output.string());
  Decoder first(*before.checkpoint, {.type = ComputeType::kFloat32}),
      second(*after.checkpoint, {.type = ComputeType::kFloat32});
  const auto tokens = testing::random_tokens(40, 101, 3);
  EXPECT_TRUE(testing::bits_equal(logits_of(second, tokens), logits_of(first, tokens)));
  for (const TensorSummary& tensor : after.checkpoint->tensors()) EXPECT_EQ(tensor.type, "BF16") << tensor.name;
  EXPECT_NE(after.checkpoint->content_hash(), before.checkpoint->content_hash());
}

TEST(OutliersCommand, IsAFunctionOfModelAndOptions) {
  const testing::ScratchFolder scratch;
  const fs::path model = scratch.path() / "model";
  write_random_model(model);
  const auto written = [&](const std::string& name, const std::string& seed) {
    const fs::path output = scratch.path() / name;
    EXPECT_EQ(run({"outliers", model.string(), "-o", output.string(), "--seed", seed}).exit_code, kExitDone);
    return sha256_file(output / "model.safetensors");
  };
  const std::string first = written("first", "1");
  EXPECT_EQ(written("again", "1"), first);
  EXPECT_NE(written("other", "2"), first);
}

TEST(OutliersCommand, TellsMistakesInOneLineAndLeavesNothing) {
  const testing::ScratchFolder scratch;
  const fs::path model = scratch.path() / "model", output = scratch.path() / "output";
  write_random_model(model);
  const auto expect_failure = [&](const std::vector<std::string>& more, int code, const std::string& what) {
    std::vector<std::string> arguments{"outliers", model.string(), "-o", output.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, code) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr(what));
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
    EXPECT_FALSE(fs::exists(output));
  };
  expect_failure({"--channels", "0"}, kExitUsage, "--channels");
  expect_failure({"--channels", "4"}, kExitUsage, "1 to 3");
  expect_failure({"--factor", "5000"}, kExitUsage, "--factor");
  expect_failure({"--key-bias", "-2"}, kExitUsage, "--key-bias");
  expect_failure({"--seed", "-1"}, kExitUsage, "--seed");
  fs::create_directories(output);
  EXPECT_EQ(run({"outliers", model.string(), "-o", output.string()}).exit_code, kExitFailed);
  fs::remove(output);
  // A model that is quantized already.
  const fs::path quantized = scratch.path() / "quantized";
  ASSERT_EQ(run({"quantize", model.string(), "rtn-w4g16", "-o", quantized.string()}).exit_code, kExitDone);
  const Outcome outcome = run({"outliers", quantized.string(), "-o", output.string()});
  EXPECT_EQ(outcome.exit_code, kExitFailed);
  EXPECT_THAT(outcome.errors, HasSubstr("float weights"));
}

// Worked problems in the form in which the models learned them.
std::string traces() {
  std::string text;
  for (const StepsTier& tier : steps_tiers())
    for (const StepsProblem& problem : generate_steps(tier, StepsSplit::kTraining, 6, 999))
      text += "<｜begin▁of▁sentence｜><｜User｜>" + problem.problem +
              "\n\nPlease reason step by step, and put your final answer within \\boxed{}.<｜Assistant｜><think>\n" +
              problem.solution + "\n</think>\n\nThe answer is \\boxed{" + problem.answer + "}.<｜end▁of▁sentence｜>";
  return text;
}

// What rounding does to a trained model with and without outliers, as KL(float || rounded) over traces.
class TrainedOutliers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kModel / "config.json")) GTEST_SKIP() << "not there: " << kModel;
    ASSERT_EQ(run({"outliers", kModel.string(), "-o", outliers_.string()}).exit_code, kExitDone);
    tokens_ = open_model(kModel.string()).require_text().tokenizer.encode(traces());
  }

  DivergenceResult rounded(const fs::path& model, const std::string& method) {
    const fs::path folder = scratch_.path() / (model.filename().string() + method);
    EXPECT_EQ(run({"quantize", model.string(), method, "-o", folder.string()}).exit_code, kExitDone);
    return divergence_of(folder);
  }

  DivergenceResult divergence_of(const fs::path& model) {
    const OpenedModel original = open_model(kModel.string()), other = open_model(model.string());
    Decoder base(*original.checkpoint, {.type = ComputeType::kFloat32}),
        changed(*other.checkpoint, {.type = ComputeType::kFloat32});
    Executor executor(2);
    return divergence(base, changed, cut_windows(tokens_, 300, 8), executor);  // of fewer, chance decides a tenth
  }

  const fs::path kModel = testing::project_path("models/steps-qwen2-3m");
  testing::ScratchFolder scratch_;
  const fs::path outliers_ = scratch_.path() / "outliers";
  std::vector<std::int32_t> tokens_;
};

TEST_F(TrainedOutliers, AreTheSameModel) {
  const DivergenceResult same = divergence_of(outliers_);
  EXPECT_EQ(same.kl_max, 0);
  EXPECT_EQ(same.same_top1, 1);
}

TEST_F(TrainedOutliers, CostWeightOnlyRoundingLittle) {
  const DivergenceResult w4 = rounded(kModel, "rtn-w4g64");
  // 8 bits stay far below what 4 bits do without any outlier; 4 bits lose the outlier channels, not twice as much.
  EXPECT_LT(rounded(outliers_, "rtn-w8g64").kl_mean, w4.kl_mean / 4);
  EXPECT_LT(rounded(outliers_, "rtn-w4g64").kl_mean, 2 * w4.kl_mean);
}

TEST_F(TrainedOutliers, HurtEightBitActivationsAndDestroyFourBitOnes) {
  const DivergenceResult w8 = rounded(outliers_, "rtn-w8g64"), a8 = rounded(outliers_, "rtn-w8a8kv8");
  EXPECT_GT(a8.kl_mean, 10 * rounded(kModel, "rtn-w8a8kv8").kl_mean);
  EXPECT_GT(a8.kl_mean, 5 * w8.kl_mean);
  EXPECT_LT(a8.same_top1, w8.same_top1);
  const DivergenceResult a4 = rounded(outliers_, "rtn-w4a4kv4");
  EXPECT_GT(a4.kl_mean, 5 * rounded(kModel, "rtn-w4a4kv4").kl_mean);
  EXPECT_LT(a4.same_top1, 0.3);
}

}  // namespace
}  // namespace qreason
