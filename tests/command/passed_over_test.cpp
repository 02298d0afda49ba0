// Options that say nothing where they are given, and models that cannot be asked: told before anything is done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "support/report_folder.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::CommandResult;
using ::testing::HasSubstr;
using ::testing::Not;

class PassedOver : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_tiny_chat_model(at("tiny"));
    fs::copy(at("tiny"), at("other"));
    std::ofstream(at("problems.jsonl")) << "{\"question\": \"2 + 3?\", \"answer\": \"#### 5\"}\n";
  }
  fs::path at(const std::string& name) const { return folder_.path() / name; }
  CommandResult run(const std::string& line) const {
    return testing::run_command("cd '" + folder_.path().string() + "' && '" + testing::qreason_binary() + "' " + line);
  }
  CommandResult evaluate(const std::string& line) const {
    return run("evaluate " + line + " --tasks gsm8k --data gsm8k=problems.jsonl --seeds 7 --max-tokens 4 -o out");
  }
  void expect_refused(const std::string& line, const std::string& message, int code = 2) const {
    const CommandResult result = run(line);
    EXPECT_EQ(result.exit_code, code) << line << "\n" << result.standard_error;
    EXPECT_THAT(result.standard_error, HasSubstr(message)) << line;
  }
  // Nothing was answered, not even by the models that can be asked.
  void expect_refused_early(const CommandResult& result, int code, const std::string& message) const {
    EXPECT_EQ(result.exit_code, code) << result.standard_error;
    EXPECT_THAT(result.standard_error, HasSubstr(message));
    EXPECT_FALSE(fs::exists(at("out/tiny-seed7/GSM8K.jsonl")));
    EXPECT_FALSE(fs::exists(at("out/tiny-seed7/GSM8K.jsonl.partial")));
  }

  testing::ScratchFolder folder_;
};

TEST_F(PassedOver, AModelThatCannotBeAskedIsToldBeforeTheFirstAnswers) {
  expect_refused_early(evaluate("tiny typo"), 1, "typo: no such file");
  expect_refused_early(evaluate("tiny tiny"), 2, "two models of the name tiny");
  expect_refused_early(evaluate("tiny other --context 100000"), 2, "--context: 100000, expected at most");
  expect_refused_early(run("evaluate tiny --tasks gsm8k --data gsm8k=nowhere.jsonl --seeds 7 -o out"), 1,
                       "nowhere.jsonl");
  std::ofstream(at("empty.jsonl")) << "";
  expect_refused_early(run("evaluate tiny --tasks gsm8k --data gsm8k=empty.jsonl --seeds 7 -o out"), 1, "empty.jsonl");
  fs::remove(at("other/tokenizer.json"));
  expect_refused_early(evaluate("tiny other"), 1, "no tokenizer");
}

TEST_F(PassedOver, ResultsOfOtherSettingsAreToldBeforeTheFirstAnswers) {
  ASSERT_EQ(evaluate("other").exit_code, 0);
  expect_refused_early(evaluate("tiny other --temperature 0"), 1,
                       "provenance.sampling.temperature: 0.6 in the file, 0");
  EXPECT_EQ(evaluate("tiny other").exit_code, 0);
}

TEST_F(PassedOver, OptionsOfTheEngineAreNotForServers) {
  for (const char* option : {"--arithmetic portable", "--dtype auto", "--device cpu"})
    expect_refused_early(evaluate(std::string("tiny --endpoint http://127.0.0.1:9/v1 ") + option), 2,
                         "given together with --endpoint, expected one of them");
}

TEST_F(PassedOver, DataAreNamedOnceAndForTasksThatAreAsked) {
  const std::string line = "evaluate tiny --tasks gsm8k --seeds 7 -o out --data gsm8k=problems.jsonl --data ";
  expect_refused(line + "GSM8K=problems.jsonl", "--data: GSM8K twice");
  expect_refused(line + "math500=problems.jsonl", "--data: MATH-500, which is not asked");
  expect_refused(line + "math500=", "--data: \"math500=\", expected NAME=PATH");
}

TEST_F(PassedOver, SettingsAreForTasksThatHaveThem) {
  const std::string line = "evaluate tiny --tasks gsm8k --seeds 7 -o out --data gsm8k=problems.jsonl ";
  expect_refused(line + "--shuffle-seed 3", "--shuffle-seed: no task that has choices to shuffle");
  expect_refused(line + "--test-seconds 3", "--test-seconds: no task whose answers are programs");
  expect_refused("study --test-packages .", "--test-packages: no task whose answers are programs");
  expect_refused("study --merge a --jobs 2", "--jobs: given together with --merge");
  expect_refused("table out --json --format csv", "--json: given together with --format csv");
}

TEST_F(PassedOver, FiguresTakeOptionsOfTheirKind) {
  for (const char* option : {"--window 8", "--range 8", "--sample 8", "--perplexity 8", "--seed 0", "--statistic mean"})
    expect_refused(std::string("figure key-bias tiny -o x.svg ") + option, "given for key-bias");
  expect_refused("figure domain-gap tiny -o x.svg --shown 8", "--shown: given for domain-gap");
  expect_refused("figure key-rope tiny -o x.svg --window 8", "--window: given for key-rope");
  expect_refused("figure massive-activations tiny -o x.svg --range 8", "--range: given for massive-activations");
  testing::write_report_run(at("results"), testing::report_run("bf16", "GSM8K", 42, "1111"));
  for (const char* option :
       {"--window 8", "--blocks 0", "--tokens 9", "--text a", "--activation-memory 9", "--device cpu"})
    expect_refused(std::string("figure flips results -o x.svg ") + option, "given for a plot of results");
  EXPECT_FALSE(fs::exists(at("x.svg")));
}

TEST_F(PassedOver, TokensThatAreGivenAreNotCut) {
  testing::TensorFile tokens;
  tokens.add_tokens(2, 8, 90);
  tokens.write(at("tokens.safetensors"));
  const std::string line = "quantize tiny gptq-w4g32 -o q --calibration tokens.safetensors";
  for (const char* setting : {"samples=1", "length=4"})
    expect_refused(line + " --set " + setting,
                   std::string("--set: \"") + setting + "\" together with tokens.safetensors");
  EXPECT_FALSE(fs::exists(at("q")));
  EXPECT_EQ(run(line).exit_code, 0);
}

TEST_F(PassedOver, WindowsAreCountedFromNone) {
  expect_refused("perplexity tiny --windows -1", "--windows: -1, expected 0, for all, or more");
  expect_refused("compare tiny other --windows -1", "--windows: -1");
  expect_refused("perplexity nowhere --window 1", "--window: 1");
}

TEST_F(PassedOver, TypesAreNotedWhereNothingIsComputed) {
  EXPECT_THAT(run("doctor --dtype float32").standard_error, HasSubstr("warning: --dtype says nothing to doctor"));
  EXPECT_THAT(run("inspect tiny --dtype float32").standard_error, Not(HasSubstr("--dtype")));
}

TEST_F(PassedOver, ExplainingIsAloneAndHasAJsonForm) {
  testing::write_report_run(at("results"), testing::report_run("bf16", "GSM8K", 42, "1111"));
  const std::string id = "q0";
  const CommandResult text = run("grade results --explain " + id), json = run("grade results --json --explain " + id);
  ASSERT_EQ(text.exit_code, 0) << text.standard_error;
  ASSERT_EQ(json.exit_code, 0) << json.standard_error;
  const Json explained = parse_json(json.standard_output, "stdout")["explained"];
  ASSERT_EQ(explained.size(), 1U);
  EXPECT_EQ(explained[0]["id"], id);
  std::string lines = explained[0]["path"].get<std::string>() + "\n";
  for (const Json& line : explained[0]["lines"]) lines += line.get<std::string>() + "\n";
  EXPECT_EQ(lines, text.standard_output);
  EXPECT_GT(explained[0]["lines"].size(), 1U);
  expect_refused("grade results --write --explain " + id, "--write: given together with --explain");
  expect_refused("grade results --study-form x --explain " + id, "--study-form: given together with --explain");
}

TEST_F(PassedOver, AFileIsNotCalledLikeStandardInput) {
  testing::write_report_run(at("results"), testing::report_run("bf16", "GSM8K", 42, "1111"));
  for (const char* line : {"report results -o -", "figure flips results -o -", "steps --count 1 -o -"}) {
    const CommandResult result = run(line);
    EXPECT_NE(result.exit_code, 0) << line;
    EXPECT_FALSE(fs::exists(at("-"))) << line;
  }
  expect_refused("report results -o -", "-: no file's name, expected a path (/dev/stdout for standard output)", 1);
  expect_refused("evaluate tiny --tasks gsm8k -o -", "-o: \"-\"");
}

}  // namespace
}  // namespace qreason
