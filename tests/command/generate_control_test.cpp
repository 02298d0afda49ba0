// generate with what ends, forces and explains answers, as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "support/fixtures.h"

namespace qreason::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

CommandResult generate(const std::string& options) {
  return run_command(qreason_binary() + " generate " + project_path("models/steps-qwen2-1m").string() +
                     " -p \"Start with 5. Add 3. Multiply by 2.\" --seed 7 --max-tokens 120 " + options);
}

json answer(const std::string& options) {
  const CommandResult result = generate(options + " --json");
  EXPECT_EQ(result.exit_code, 0) << result.standard_error;
  return json::parse(result.standard_output).at("answers").at(0);
}

// Where a stop text begins and ends in the tokens does not matter, and it is not shown; streamed or not.
TEST(GenerateCommand, EndsAtAStopText) {
  const std::string whole = answer("").at("text");
  ASSERT_GT(whole.size(), 40u);
  for (const std::size_t at : {9u, 17u, 26u}) {
    const std::string stop = whole.substr(at, 4), want = whole.substr(0, whole.find(stop));
    if (stop.find_first_of("\n'\\") != std::string::npos) continue;
    const json stopped = answer("--stop '" + stop + "' --stop 'never said'");
    EXPECT_EQ(stopped.at("text"), want) << stop;
    EXPECT_EQ(stopped.at("finish_reason"), "stop");
    EXPECT_EQ(generate("--stop '" + stop + "' --quiet").standard_output, want + "\n");
  }
  const CommandResult empty = generate("--stop ''");
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_THAT(empty.standard_error, HasSubstr("--stop"));
}

TEST(GenerateCommand, KeepsThoughtsToABudget) {
  const std::string free = answer("").at("text");
  const auto thought = [](const std::string& text) { return text.substr(0, text.find("</think>")); };
  ASSERT_NE(free.find("</think>"), std::string::npos) << free;
  const std::string cut = answer("--thinking-budget 10").at("text");
  EXPECT_LT(thought(cut).size(), thought(free).size());
  EXPECT_THAT(free, StartsWith(thought(cut).substr(0, thought(cut).size() - 1))) << "the line's end is put there";
  EXPECT_GT(cut.size(), thought(cut).size() + 10) << "and the answer goes on behind it";
  const std::string longer = answer("--thinking-minimum 100").at("text");
  EXPECT_THAT(longer, HasSubstr("Wait"));
  EXPECT_EQ(generate("--thinking-budget 10 --thinking-minimum 20").exit_code, 2);
  const CommandResult negative = generate("--thinking-budget -1");
  EXPECT_EQ(negative.exit_code, 2);
  EXPECT_THAT(negative.standard_error, HasSubstr("--thinking-budget"));
}

TEST(GenerateCommand, RefusesBudgetsBeyondAnyContext) {
  for (const char* option : {"--thinking-budget", "--thinking-minimum"}) {
    const CommandResult huge = generate(std::string(option) + " 9000000000000000000");
    EXPECT_EQ(huge.exit_code, 2);
    EXPECT_THAT(huge.standard_error, HasSubstr(std::string(option) + ": 9000000000000000000, expected"));
  }
}

// What a budget puts there is told from what the model drew.
TEST(GenerateCommand, MarksForcedTokensAmongLogProbabilities) {
  const json cut = answer("--thinking-budget 10 --logprobs 0"), free = answer("--logprobs 0");
  const auto is_forced = [](const json& token) { return token.value("forced", false); };
  const json& tokens = cut.at("logprobs");
  for (std::size_t i = 0; i < 10; ++i) EXPECT_FALSE(is_forced(tokens[i])) << i;
  ASSERT_GT(tokens.size(), 12u);
  EXPECT_TRUE(is_forced(tokens[10]));
  EXPECT_FALSE(is_forced(tokens.back())) << "the answer goes on by itself";
  for (const json& token : free.at("logprobs")) EXPECT_FALSE(token.contains("forced"));
}

TEST(GenerateCommand, TellsLogProbabilities) {
  const json found = answer("--logprobs 2 --temperature 0 --presence-penalty 0.5");
  ASSERT_EQ(found.at("logprobs").size(), found.at("tokens").size());
  for (const json& token : found.at("logprobs")) {
    EXPECT_LE(token.at("logprob"), 0.0);
    ASSERT_EQ(token.at("top").size(), 2u);
    EXPECT_LE(token.at("logprob"), token.at("top")[0].at("logprob"));
    EXPECT_LE(std::exp(token.at("top")[0].at("logprob").get<double>()) +
                  std::exp(token.at("top")[1].at("logprob").get<double>()),
              1 + 1e-6);
  }
  EXPECT_FALSE(answer("").contains("logprobs"));
  EXPECT_EQ(generate("--logprobs 2").exit_code, 2);
  EXPECT_EQ(generate("--logprobs 21 --json").exit_code, 2);
}

}  // namespace
}  // namespace qreason::testing
