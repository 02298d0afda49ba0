// `qreason convert`: what it prints and measures, what it replaces, what it leaves when it fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/divergence.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/model_loader.h"
#include "cli/program.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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

std::vector<float> logits_of(const fs::path& path, const std::vector<std::int32_t>& tokens) {
  const OpenedModel model = open_model(path.string());
  Executor executor(2);
  const Decoder decoder(*model.checkpoint, {.executor = &executor});
  SequenceCache cache(PagePool(decoder.cache_layout(), 0, executor.backend()));
  DecoderStep step;
  const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kAll};
  std::vector<float> logits;
  decoder.forward({&input, 1}, step, logits, executor);
  return logits;
}

class ConvertCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kModel / "config.json")) GTEST_SKIP() << "not there: " << kModel;
  }

  fs::path quantized(const std::string& method, const std::vector<std::string>& settings = {}) {
    const fs::path folder = scratch_.path() / "quantized";
    std::vector<std::string> arguments{"quantize", kModel.string(), method, "-o", folder.string(), "--quiet"};
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, kExitDone) << outcome.errors;
    return folder;
  }

  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(scratch_.path())) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  const fs::path kModel = testing::project_path("models/steps-qwen2-1m");
  const std::vector<std::int32_t> kTokens{755, 757, 10, 200, 300, 400, 33, 758, 759, 5, 6, 7};
  testing::ScratchFolder scratch_;
};

TEST_F(ConvertCommand, KeepsEveryLogitAndTheWholeFolder) {
  const fs::path model = quantized("rtn-w4g32", {"scale_type=float16", "symmetric=true"});
  for (const std::string format : {"hf", "gguf"}) {
    const fs::path out = scratch_.path() / (format == "gguf" ? "out.gguf" : "out");
    const Outcome outcome = run({"convert", model.string(), "-o", out.string(), "--format", format, "--quiet"});
    ASSERT_EQ(outcome.exit_code, kExitDone) << outcome.errors;
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("every stored number is what it was"), Not(HasSubstr("inputs"))));
    EXPECT_TRUE(testing::bits_equal(logits_of(out, kTokens), logits_of(model, kTokens))) << format;
    const OpenedModel opened = open_model(out.string()), original = open_model(model.string());
    EXPECT_EQ(encode_chat(opened.require_text(), "3 + 4 = ?"), encode_chat(original.require_text(), "3 + 4 = ?"));
    EXPECT_EQ(stop_tokens(opened), stop_tokens(original));
  }
  for (const char* file : {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}) {
    EXPECT_EQ(read_text_file(scratch_.path() / "out" / file), read_text_file(kModel / file)) << file;
  }
}

TEST_F(ConvertCommand, RefusesRoundedScalesUntilAllowedAndThenMeasures) {
  const fs::path model = quantized("rtn-w4g32", {"symmetric=true"});
  const fs::path out = scratch_.path() / "out.gguf";
  const std::vector<std::string> command{"convert", model.string(), "-o", out.string(), "--format", "gguf", "--quiet"};
  const Outcome refused = run(command);
  EXPECT_EQ(refused.exit_code, kExitFailed);
  EXPECT_THAT(refused.errors, HasSubstr("scales that float16 does not hold, by up to 0.000"));
  EXPECT_EQ(entries(), (std::vector<std::string>{"quantized"}));
  std::vector<std::string> allowed = command;
  allowed.insert(allowed.end(), {"--allow-rounded-scales", "--json", "--sample", "256"});
  const Outcome done = run(allowed);
  ASSERT_EQ(done.exit_code, kExitDone) << done.errors;
  const auto json = OrderedJson::parse(done.output);
  EXPECT_GT(json.at("scales_changed"), 0);
  EXPECT_EQ(json.at("kl_tokens"), 255);
  EXPECT_GT(json.at("kl_mean"), 0);
  EXPECT_LT(json.at("kl_mean"), 1e-4);  // scales that change by 2^-12
}

// What rounds inputs is the program that loads it, and by which rule no file says.
TEST_F(ConvertCommand, ClaimsNothingOfInputsThatAreRounded) {
  const fs::path model = quantized("rtn-w8a8", {"scale_type=bfloat16"});
  const fs::path out = scratch_.path() / "out";
  const std::vector<std::string> command{"convert",  model.string(),       "-o",      out.string(),
                                         "--format", "compressed-tensors", "--quiet", "--force"};
  const Outcome done = run(command);
  ASSERT_EQ(done.exit_code, kExitDone) << done.errors;
  EXPECT_THAT(done.output, HasSubstr("every stored number is what it was\ninputs of linears are rounded by whatever"));
  std::vector<std::string> as_json = command;
  as_json.emplace_back("--json");
  EXPECT_EQ(OrderedJson::parse(run(as_json).output).at("rounds_inputs"), true);
}

TEST_F(ConvertCommand, TakesTypesInCapitalsAndNoAbsurdSample) {
  const auto to = [&](const std::string& name, std::vector<std::string> more) {
    std::vector<std::string> arguments{"convert",  kModel.string(), "-o",     (scratch_.path() / name).string(),
                                       "--format", "gguf",          "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  ASSERT_EQ(to("a.gguf", {"--type", "Q4_0", "--sample", "0"}).exit_code, kExitDone);
  ASSERT_EQ(to("b.gguf", {"--type", "q4_0", "--sample", "0"}).exit_code, kExitDone);
  EXPECT_EQ(read_text_file(scratch_.path() / "a.gguf"), read_text_file(scratch_.path() / "b.gguf"));
  EXPECT_THAT(to("c.gguf", {"--type", "Q4_9"}).errors, HasSubstr("--type: Q4_9, expected of gguf"));
  const Outcome absurd = to("c.gguf", {"--type", "Q4_0", "--sample", "9000000000000000000"});
  EXPECT_EQ(absurd.exit_code, kExitUsage);
  EXPECT_THAT(absurd.errors, HasSubstr("--sample: 9000000000000000000, expected 0 to 1000000"));
  EXPECT_EQ(entries(), (std::vector<std::string>{"a.gguf", "b.gguf"}));
}

TEST_F(ConvertCommand, SaysWhereASourceIsQuantizedAlready) {
  const auto quantize = [&](const std::string& type) {
    const fs::path source = scratch_.path() / (type + ".gguf");
    EXPECT_EQ(run({"convert", kModel.string(), "-o", source.string(), "--format", "gguf", "--quiet", "--sample", "0",
                   "--type", type})
                  .exit_code,
              kExitDone);
    return run({"quantize", source.string(), "rtn-w4g32", "--plan"}).errors;
  };
  EXPECT_THAT(quantize("q4_0"), HasSubstr("note: q4_0.gguf holds blocks of Q4_0, Q8_0, quantized already"));
  EXPECT_THAT(quantize("bf16"), Not(HasSubstr("quantized already")));
}

TEST_F(ConvertCommand, QuantizesFloatsIntoBlocksAndSaysWhatItCost) {
  const fs::path out = scratch_.path() / "out.gguf";
  const Outcome done =
      run({"convert", kModel.string(), "-o", out.string(), "--format", "gguf", "--type", "q4_0", "--quiet"});
  ASSERT_EQ(done.exit_code, kExitDone) << done.errors;
  EXPECT_THAT(done.output, HasSubstr("Q4_0"));
  EXPECT_THAT(done.output, HasSubstr("KL divergence of the two models"));
}

TEST_F(ConvertCommand, ReplacesNothingWithoutForce) {
  const fs::path file = scratch_.path() / "out.gguf", folder = scratch_.path() / "out";
  const auto to = [&](const fs::path& out, const std::string& format, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"convert", kModel.string(), "-o", out.string(), "--format", format, "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  ASSERT_EQ(to(file, "gguf").exit_code, kExitDone);
  ASSERT_EQ(to(folder, "hf").exit_code, kExitDone);
  const std::string before = sha256_file(file);
  EXPECT_THAT(to(file, "gguf", {"--type", "f32"}).errors, HasSubstr("it exists already"));
  EXPECT_THAT(to(folder, "hf", {"--type", "f32"}).errors, HasSubstr("it exists already"));
  EXPECT_EQ(sha256_file(file), before);
  EXPECT_EQ(to(file, "gguf", {"--type", "f32", "--force"}).exit_code, kExitDone);
  EXPECT_NE(sha256_file(file), before);
  EXPECT_EQ(to(folder, "hf", {"--type", "f32", "--force"}).exit_code, kExitDone);
  EXPECT_EQ(entries(), (std::vector<std::string>{"out", "out.gguf"}));
  // Neither the model that is read, nor a folder of somebody else.
  EXPECT_EQ(to(kModel, "hf", {"--force"}).exit_code, kExitFailed);
  fs::create_directories(scratch_.path() / "mine");
  write_file_atomic(scratch_.path() / "mine/letter.txt", "dear");
  EXPECT_THAT(to(scratch_.path() / "mine", "hf", {"--force"}).errors, HasSubstr("qreason did not make"));
  const Outcome itself = run({"convert", file.string(), "-o", file.string(), "--format", "gguf", "--force", "--quiet"});
  EXPECT_THAT(itself.errors, HasSubstr("the model that is read"));
}

TEST_F(ConvertCommand, NamesWhatItDoesNotKnow) {
  const auto errors = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"convert", kModel.string(), "-o", (scratch_.path() / "x").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.output, "");
    return outcome.errors;
  };
  EXPECT_THAT(errors({}), HasSubstr("--format"));
  EXPECT_THAT(errors({"--format", "onnx"}), HasSubstr("awq"));
  EXPECT_THAT(errors({"--format", "hf", "--type", "q4_0"}), HasSubstr("of hf: bf16, f16, f32"));
  EXPECT_THAT(errors({"--format", "gguf"}), HasSubstr("does not end in .gguf"));
  EXPECT_EQ(entries(), std::vector<std::string>{});
}

}  // namespace
}  // namespace qreason
