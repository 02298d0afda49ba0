// Where the answer is found. Expected answers: read by eye from the texts; grades of real traces by lighteval 0.8.0.
#include "eval/graders/math/extract.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "eval/graders/math/compare.h"
#include "eval/graders/math/math_grader.h"
#include "support/fixtures.h"
#include "support/json_lines.h"

namespace qreason::math {
namespace {

std::string found(std::string_view text) {
  return extract_answer(text).answer;
}

TEST(Extraction, TakesTheLastBoxWithBalancedBraces) {
  EXPECT_EQ(found("first \\boxed{1}. No: $\\boxed{\\frac{1}{2}}$."), "\\frac{1}{2}");
  EXPECT_EQ(found("\\boxed{\\{1,2\\}}"), "\\{1,2\\}");
  EXPECT_EQ(found("it is \\fbox{7}"), "7");
  EXPECT_EQ(found("it is \\boxed 7 then"), "7");
  EXPECT_EQ(found("\\boxed{5} and then \\boxed{6"), "5");
}

TEST(Extraction, ReadsOnlyWhatFollowsTheThinking) {
  EXPECT_EQ(found("<think>\\boxed{3}</think> so \\boxed{4}"), "4");
  EXPECT_EQ(found("a</think>b \\boxed{1}</think> The answer is 9."), "9");
  EXPECT_EQ(found("<think>cut off at \\boxed{3} and"), "3");
  EXPECT_EQ(extract_answer("thought 12</think>").found_by, FoundBy::kNothing);
}

TEST(Extraction, JoinsBoxesThatAreOneAnswer) {
  EXPECT_EQ(found("$\\boxed{-2} \\quad \\text{and} \\quad \\boxed{1}$"), "-2, 1");
  EXPECT_EQ(found("\\boxed{2}, \\boxed{3}, \\boxed{5}"), "2, 3, 5");
  EXPECT_EQ(found("\\boxed{5}. After checking again:\n\n**Final Answer**\n\\boxed{6}"), "6");
  EXPECT_EQ(found("\\boxed{5}, \\boxed{5}"), "5");
}

TEST(Extraction, FallsBackToAnchorsThenToTheLastValue) {
  EXPECT_EQ(found("We get 3 + 4 = 7.\n#### 7"), "7");
  EXPECT_EQ(found("The answer is 1,250 dollars, not 3."), "1,250");
  EXPECT_EQ(found("Thus the final answer is $\\frac{3}{4}$ of 8."), "\\frac{3}{4}");
  EXPECT_EQ(found("Final Answer: The largest of the 3 is 34."), "34");
  EXPECT_EQ(found("She has 3 apples and buys 4, so 7 apples."), "7");
  EXPECT_EQ(found("It costs $5 each, so $20 in total."), "20");
  EXPECT_EQ(found("That is 12/25 of it, or 48%."), "48\\%");
  EXPECT_EQ(found("AZYUK2A"), "");
  EXPECT_EQ(found(""), "");
}

TEST(Extraction, ReadsNumbersAsTheyStandInSentences) {
  const std::pair<const char*, const char*> cases[] = {
      {"x = \u22125", "-5"},
      {"The temperature becomes \u22123.", "-3"},
      {"From 7\u22123 on", "3"},  // between two values it subtracts
      {"The total is 2 1/2 hours. The answer is 2 1/2.", "2 1/2"},
      {"**Final Answer:** 3 1/2", "3 1/2"},
      {"The answer is 1.5e3.", "1.5 \\cdot 10^{3}"},
      {"The answer is 3 of 4/5", "3"},
      {"The answer is 2east", "2"},
  };
  for (const auto& [text, answer] : cases) EXPECT_EQ(extract_answer(text).answer, answer) << text;
}

// Grades recorded by the study's own grader (lighteval 0.8.0) for real generations.
TEST(MathGrader, AgreesWithLightevalOnEveryRecordedTrace) {
  for (const char* name : {"gptq-w4g128_AIME-90", "kvquant_star-kv3_AIME-90", "kvquant_star-kv3_MATH-500"}) {
    QREASON_REQUIRE_SHARED(path, std::string("data/traces_r1_distill_qwen_1.5b/") + name + ".json");
    const Json rows = parse_json(read_text_file(path), path.string());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Grade grade =
          grade_math(rows[i]["generated_text"].get<std::string>(), rows[i]["gold"][0].get<std::string>());
      EXPECT_EQ(grade.correct, rows[i]["metrics"]["extractive_match"].get<double>() == 1.0)
          << name << " " << i << ": " << grade.extracted;
    }
  }
}

// The labelled cases of other graders; the disagreements are listed and argued in docs/grading.md.
TEST(MathGrader, AgreesWithTheLabelledCasesOfOtherGraders) {
  const auto agreement = [](const std::filesystem::path& path) {
    int agree = 0;
    for (const Json& row : testing::read_json_lines(path)) {
      if (row.value("extraction_kind", "").starts_with("indices")) continue;
      CompareOptions options;
      if (row["precision"].is_number_integer()) options.precision = row["precision"];
      const Extraction gold = extract_answer(row["gold"].get<std::string>());
      const Extraction answer = extract_answer(row["pred"].get<std::string>());
      const bool correct = !answer.answer.empty() && same_answer(gold.answer, answer.answer, options);
      agree += correct == (row["expected"].get<int>() == 1) ? 1 : 0;
    }
    return agree;
  };
  QREASON_REQUIRE_SHARED(lighteval, "data/lighteval_cases/cases_pinned_0.8.0.jsonl");
  EXPECT_GE(agreement(lighteval), 215) << "of 218; docs/grading.md argues the rest";
  QREASON_REQUIRE_SHARED(math_verify, "data/mathverify_cases/cases.jsonl");
  EXPECT_GE(agreement(math_verify), 264) << "of 270; docs/grading.md argues the rest";
}

TEST(MathGrader, ReadsEveryGsm8kGoldBackFromItsOwnSolution) {
  int count = 0;
  for (const Json& row : testing::read_json_lines(testing::project_path("data/gsm8k/test.jsonl"))) {
    const std::string solution = row["answer"];
    const std::string gold = solution.substr(solution.find("#### ") + 5);
    EXPECT_TRUE(grade_math(solution, gold).correct) << gold;
    EXPECT_TRUE(grade_math("so she pays \\boxed{\\$" + gold + "}", gold).correct) << gold;
    EXPECT_FALSE(grade_math("so she pays \\boxed{1" + gold + "}", gold).correct) << gold;
    ++count;
  }
  EXPECT_EQ(count, 1319);
}

}  // namespace
}  // namespace qreason::math
