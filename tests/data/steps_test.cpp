// The steps benchmark: its problems, told apart from its wording by a reader that shares nothing with the generator
// (tests/support/steps_solver.h), its splits, and the lists that ship.
#include "data/steps/steps.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "support/steps_solver.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using testing::read_steps_problem;

const std::vector<std::string> kKinds{"arithmetic", "multiplication", "equation",
                                      "remainder",  "instructions",   "ordering"};

std::vector<StepsProblem> problems_of(StepsSplit split, std::int64_t count, std::uint64_t seed) {
  std::vector<StepsProblem> all;
  for (const StepsTier& tier : steps_tiers())
    for (StepsProblem& problem : generate_steps(tier, split, count, seed)) all.push_back(std::move(problem));
  return all;
}

std::string lines_of(const std::vector<StepsProblem>& problems) {
  std::string lines;
  for (const StepsProblem& problem : problems) lines += steps_json_line(problem) + "\n";
  return lines;
}

TEST(Steps, ProblemsHaveTheAnswerThatAnIndependentReaderFinds) {
  for (const StepsSplit split : {StepsSplit::kTraining, StepsSplit::kTest})
    for (const std::uint64_t seed : {1, 2, 77})
      for (const StepsProblem& problem : problems_of(split, 600, seed)) {
        ASSERT_NO_THROW(read_steps_problem(problem.problem)) << problem.problem;
        EXPECT_EQ(std::to_string(read_steps_problem(problem.problem).answer), problem.answer) << problem.problem;
      }
}

TEST(Steps, KindsComeInTurnAndIdsAreTheirNumbers) {
  for (const StepsTier& tier : steps_tiers()) {
    const auto problems = generate_steps(tier, StepsSplit::kTraining, 60, 3);
    for (std::size_t i = 0; i < problems.size(); ++i) {
      EXPECT_EQ(problems[i].kind, kKinds[i % kKinds.size()]);
      EXPECT_EQ(problems[i].tier, tier.name);
      EXPECT_EQ(problems[i].id, fmt::format("steps-{}-{:04}", tier.name, i + 1));
    }
  }
}

TEST(Steps, TiersFollowOneAnotherInTheNumberOfSteps) {
  ASSERT_EQ(steps_tiers().size(), 3u);
  int previous = 0;
  for (const StepsTier& tier : steps_tiers()) {
    EXPECT_GT(tier.fewest_steps, previous) << tier.name;
    EXPECT_LE(tier.fewest_steps, tier.most_steps) << tier.name;
    previous = tier.most_steps;
  }
}

TEST(Steps, NoProblemIsTwiceInAListHoweverItIsWorded) {
  for (const StepsTier& tier : steps_tiers()) {
    std::set<std::string> meanings;
    for (const StepsProblem& problem : generate_steps(tier, StepsSplit::kTest, 500, 1))
      EXPECT_TRUE(meanings.insert(read_steps_problem(problem.problem).meaning).second) << problem.problem;
  }
}

// By what the reader makes of a problem, not by the generator's own key; over all tiers together.
TEST(Steps, TestProblemsNeverTrainHoweverTheyAreWorded) {
  std::map<std::string, std::string> tested;
  for (std::uint64_t seed = 1; seed <= 4; ++seed)
    for (const StepsProblem& problem : problems_of(StepsSplit::kTest, 500, seed))
      tested[read_steps_problem(problem.problem).meaning] = problem.problem;
  ASSERT_GT(tested.size(), 5000u);
  for (std::uint64_t seed = 1; seed <= 8; ++seed)
    for (const StepsProblem& problem : problems_of(StepsSplit::kTraining, 1500, seed)) {
      const auto found = tested.find(read_steps_problem(problem.problem).meaning);
      ASSERT_TRUE(found == tested.end()) << found->second << "\n" << problem.problem;
    }
}

TEST(Steps, TheSameArgumentsGiveTheSameBytesAndOthersDoNot) {
  const StepsTier& tier = require_steps_tier("medium");
  const std::string lines = lines_of(generate_steps(tier, StepsSplit::kTest, 100, 5));
  EXPECT_EQ(lines_of(generate_steps(tier, StepsSplit::kTest, 100, 5)), lines);
  EXPECT_NE(lines_of(generate_steps(tier, StepsSplit::kTest, 100, 6)), lines);
  EXPECT_NE(lines_of(generate_steps(tier, StepsSplit::kTraining, 100, 5)), lines);
  // A shorter list is the beginning of a longer one.
  EXPECT_THAT(lines_of(generate_steps(tier, StepsSplit::kTest, 120, 5)), ::testing::StartsWith(lines));
}

TEST(Steps, OtherSeedsGiveOtherProblems) {
  std::set<std::string> first;
  std::size_t common = 0;
  for (const StepsProblem& problem : problems_of(StepsSplit::kTraining, 300, 1))
    first.insert(read_steps_problem(problem.problem).meaning);
  const auto others = problems_of(StepsSplit::kTraining, 300, 2);
  for (const StepsProblem& problem : others) common += first.count(read_steps_problem(problem.problem).meaning);
  // Short problems are few, so some meet again: products of two digits by one alone are below 712.
  EXPECT_LT(common, others.size() / 10);
}

TEST(Steps, RefusesACountThatTheTierCannotGive) {
  const StepsTier& tier = require_steps_tier("easy");
  const auto message = [&](std::int64_t count) {
    try {
      generate_steps(tier, StepsSplit::kTest, count, 1);
      return std::string("no error");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_THAT(message(0), HasSubstr("at least 1"));
  EXPECT_THAT(message(-3), HasSubstr("-3"));
  // Short products in the test split: about an eighth of 720 + 171 * 8, six kinds in turn.
  EXPECT_THAT(message(100000), HasSubstr("easy has no more problems of kind multiplication"));
}

TEST(Steps, NamesTheTiersWhenOneIsUnknown) {
  EXPECT_EQ(require_steps_tier("hard").name, "hard");
  try {
    require_steps_tier("harder");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("\"harder\""));
    EXPECT_THAT(error.what(), HasSubstr("easy, medium, hard"));
  }
}

TEST(ShippedSteps, AreTheFirst500TestProblemsOfEveryTier) {
  for (const StepsTier& tier : steps_tiers()) {
    const auto path = testing::project_path(fmt::format("data/steps-{}.jsonl", tier.name));
    // A comparison of 150 kB of text as a string would print it all.
    EXPECT_TRUE(read_text_file(path) == lines_of(generate_steps(tier, StepsSplit::kTest, 500, 1))) << path;
  }
}

TEST(ShippedSteps, HaveTheHashesThatLieBesideThem) {
  std::string sums;
  for (const std::string name : {"steps-easy.jsonl", "steps-hard.jsonl", "steps-medium.jsonl"})
    sums += sha256_hex(read_text_file(testing::project_path("data/" + name))) + "  " + name + "\n";
  EXPECT_EQ(read_text_file(testing::project_path("data/SHA256SUMS")), sums);
}

}  // namespace
}  // namespace qreason
