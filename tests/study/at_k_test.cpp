// pass@k and maj@k against all subsets and the exact bootstrap of tests/data/make_at_k_goldens.py, and by hand.
#include "study/at_k.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "base/file.h"
#include "eval/task.h"
#include "study/collect.h"
#include "study/table.h"
#include "support/fixtures.h"
#include "support/study_run.h"

namespace qreason {
namespace {
using testing::a_run;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Json goldens() {
  const std::filesystem::path file = std::filesystem::path(QREASON_SOURCE_DIR) / "tests/data/study/at_k.json";
  return parse_json(read_text_file(file), file.string());
}

TEST(AtK, IsTheMeanOverAllDrawsOfAProblemsAnswers) {
  const Json all = goldens();
  ASSERT_GT(all["problems"].size(), 90U);
  for (const Json& row : all["problems"]) {
    SCOPED_TRACE(row.dump());
    const auto candidates = row["candidates"].get<std::vector<int>>();
    const auto grades = row["grades"].get<std::vector<int>>();
    const std::int64_t k = row["k"], right = std::count(grades.begin(), grades.end(), 1);
    EXPECT_NEAR(pass_at_k(static_cast<std::int64_t>(grades.size()), right, k), row["pass"].get<double>(), 1e-12);
    EXPECT_NEAR(majority_at_k(candidates, grades, k), row["majority"].get<double>(), 1e-12);
  }
}

TEST(AtK, OfAGroupHasTheIntervalsOfTheIdealBootstrap) {
  const Json all = goldens();
  ASSERT_EQ(all["groups"].size(), 3U);
  for (const Json& golden : all["groups"]) {
    const auto candidates = golden["candidates"].get<std::vector<std::vector<int>>>();
    const auto grades = golden["grades"].get<std::vector<std::vector<int>>>();
    SeedGroup group;
    for (std::size_t k = 0; k < grades[0].size(); ++k) {
      group.seeds.push_back(k);
      group.grades.emplace_back();
      group.candidates.emplace_back();
      for (std::size_t i = 0; i < grades.size(); ++i) {
        group.grades.back().push_back(grades[i][k]);
        group.candidates.back().push_back(candidates[i][k]);
      }
    }
    for (std::size_t i = 0; i < grades.size(); ++i) group.ids.push_back(std::to_string(i));
    std::vector<std::int64_t> ks;
    for (const Json& row : golden["at_k"]) ks.push_back(row["k"]);
    const std::vector<AtK> got = at_k(group, ks);
    ASSERT_EQ(got.size(), ks.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      const Json& row = golden["at_k"][i];
      SCOPED_TRACE(row.dump());
      EXPECT_NEAR(got[i].pass, row["pass"].get<double>(), 1e-12);
      EXPECT_NEAR(*got[i].majority, row["majority"].get<double>(), 1e-12);
      for (const auto& [ci95, want] :
           {std::pair(got[i].pass_ci95, row["pass_ci95"]), std::pair(got[i].majority_ci95, row["majority_ci95"])}) {
        if (want.is_null()) continue;  // nothing varies
        EXPECT_NEAR(ci95->low, want[0].get<double>(), 1e-9);
        EXPECT_NEAR(ci95->high, want[1].get<double>(), 1e-9);
      }
    }
  }
}

// C(1000, 500) does not fit into a double's integers; with one right of n, k of n draws have it.
TEST(AtK, CountsHundredsOfAnswers) {
  EXPECT_NEAR(pass_at_k(1000, 1, 500), 0.5, 1e-12);
  EXPECT_NEAR(pass_at_k(1000, 600, 500), 1, 1e-12);
  std::vector<int> candidates(200, 0), grades(200, 1);
  EXPECT_NEAR(majority_at_k(candidates, grades, 100), 1, 1e-12);
  for (std::size_t i = 100; i < 200; ++i) candidates[i] = 1, grades[i] = 0;  // as many for either: half of all draws
  EXPECT_NEAR(majority_at_k(candidates, grades, 101), 0.5, 1e-12);
}

TEST(AtK, RefusesDrawsThatThereAreNot) {
  EXPECT_THROW(pass_at_k(3, 1, 4), Error);
  EXPECT_THROW(pass_at_k(3, 1, 0), Error);
  EXPECT_THROW(pass_at_k(3, 4, 1), Error);
  EXPECT_THROW(majority_at_k({0, 1}, {1}, 1), Error);
}

TEST(AtK, JoinsAnswersThatAreTheSameInEitherOrder) {
  const SameAnswer longer = [](std::string_view a, std::string_view b) { return a.size() > b.size() && b[0] == a[0]; };
  EXPECT_THAT(candidates_of({"a", "b", "", "ab", "b", "c"}, longer), ElementsAre(0, 1, kNoAnswer, 0, 1, 2));
}

TableOptions with_k(const std::vector<std::int64_t>& ks) {
  TableOptions options;
  options.at_k = ks;
  return options;
}

// Three seeds, two problems. q0: answers 1/2, 0.5, 3 graded 1 1 0; q1: 7, 8, none graded 0 1 0.
std::vector<StudyRun> three_seeds(const std::string& method) {
  const std::vector<std::vector<std::string>> answers = {{"\\frac{1}{2}", "7"}, {"0.5", "8"}, {"3", ""}};
  const std::vector<std::string> grades = {"10", "11", "00"};
  std::vector<StudyRun> runs;
  for (std::size_t k = 0; k < 3; ++k) {
    runs.push_back(a_run(method, "GSM8K", 42 + k, grades[k]));
    runs.back().run.answers = answers[k];
    runs.back().same_answer = require_task("GSM8K").same_answer;
  }
  return runs;
}

TEST(AtK, StandsInEveryFormOfTheTable) {
  // pass@2: q0 always, q1 2/3. maj@2: q0 1 of two equal ones, of the other pairs half: 1/3 + 2/3 * 1/2 = 2/3; q1 the
  // pair (7, 8) half, (8, none) whole, (7, none) nothing: 1/2. maj@3: q0 1, q1 1/2.
  const StudyTable table = make_table(three_seeds("bf16"), with_k({1, 2, 3, 4}));
  const std::vector<AtK>& values = table.rows[0].cells.at("GSM8K").at_k;
  ASSERT_EQ(values.size(), 3U);
  EXPECT_NEAR(values[0].pass, 0.5, 1e-12);
  EXPECT_NEAR(*values[0].majority, 0.5, 1e-12);
  EXPECT_NEAR(values[1].pass, 5.0 / 6, 1e-12);
  EXPECT_NEAR(*values[1].majority, 7.0 / 12, 1e-12);
  EXPECT_NEAR(*values[2].majority, 0.75, 1e-12);
  EXPECT_NEAR(*values[2].gain, 0.25, 1e-12);  // 1 - 2/3 and 1/2 - 1/3
  const std::string text = to_summary(table);
  EXPECT_THAT(text, HasSubstr("**GSM8K**, several answers (%), 2 problems"));
  EXPECT_THAT(text, HasSubstr("| pass@1 | 95 % interval | pass@2 | 95 % interval | pass@3 | 95 % interval | pass@4 |"));
  EXPECT_THAT(text, HasSubstr(" | 83.3 | "));
  EXPECT_THAT(text, HasSubstr("pass@4: no row has as many seeds"));
  EXPECT_THAT(to_csv(table), HasSubstr(",pass@2,pass@2_low,pass@2_high,"));
  EXPECT_THAT(to_csv(table), HasSubstr(",maj@3,maj@3_low,maj@3_high,gain@3,gain@3_low,gain@3_high,maj@4,"));
  EXPECT_THAT(to_csv(table), HasSubstr(",75,50,100,24.99"));
  EXPECT_THAT(to_latex(table), HasSubstr("% maj@3 (\\%), 95 \\% interval\n"));
  EXPECT_THAT(to_latex(table), HasSubstr("m & bf16 & 75.0 [50.0 to 100.0] \\\\\n"));
  EXPECT_NEAR(to_json(table)["rows"][0]["tasks"]["GSM8K"]["at_k"][2]["majority"].get<double>(), 75, 1e-9);
  const StudyTable plain = make_table(three_seeds("bf16"), {});
  EXPECT_THAT(to_summary(plain) + to_csv(plain) + to_latex(plain), Not(HasSubstr("pass@")));
}

TEST(AtK, HasNoVotesWhereAnswersAreNotKnown) {
  const StudyTable table =
      make_table({a_run("bf16", "LiveCodeBench", 42, "10"), a_run("bf16", "LiveCodeBench", 43, "00")}, with_k({2}));
  const AtK& value = table.rows[0].cells.at("LiveCodeBench").at_k.at(0);
  EXPECT_NEAR(value.pass, 0.5, 1e-12);
  EXPECT_FALSE(value.majority);
  EXPECT_THAT(to_summary(table), HasSubstr("| m | bf16 | 50.0 | 0.0 to 100.0 | - | - |"));
}

TEST(AtK, OfTiersIsThatOfAllTheirProblems) {
  std::vector<StudyRun> runs;
  for (const auto& [task, first, second] :
       {std::tuple("steps-easy", "11", "11"), std::tuple("steps-medium", "10", "01"),
        std::tuple("steps-hard", "00", "00")}) {
    runs.push_back(a_run("bf16", task, 42, first));
    runs.push_back(a_run("bf16", task, 43, second));
  }
  const StudyTable table = make_table(runs, with_k({2}));
  EXPECT_NEAR(table.rows[0].cells.at("steps").at_k.at(0).pass, 4.0 / 6, 1e-12);
}

// pass@2: 0.15 * 1 + 0.05 * 1/2 + 0.2 (1 + 0 + 1/2 + 1), its error that of AIME-2025 and GPQA-Diamond, 1/2 each; a seed
// that only one task has counts nowhere, as in the accuracy.
TEST(AtK, OfTasksThatWeighDifferentlyIsTheirWeightedMean) {
  std::vector<StudyRun> runs;
  for (const auto& [task, first, second] :
       {std::tuple("AIME-90", "10", "01"), std::tuple("AIME-2025", "10", "00"), std::tuple("MATH-500", "11", "10"),
        std::tuple("GSM8K", "00", "00"), std::tuple("GPQA-Diamond", "10", "10"),
        std::tuple("LiveCodeBench", "11", "11")}) {
    runs.push_back(a_run("bf16", task, 42, first));
    runs.push_back(a_run("bf16", task, 43, second));
  }
  runs.push_back(a_run("bf16", "GSM8K", 44, "11"));
  const StudyTable table = make_table(runs, with_k({1, 2, 3}));
  const TableCell& cell = table.rows[0].cells.at("Avg.");
  ASSERT_EQ(cell.at_k.size(), 2U);
  EXPECT_NEAR(cell.at_k[0].pass, 0.5375, 1e-12);
  EXPECT_NEAR(cell.value.mean, 53.75, 1e-9);
  EXPECT_NEAR(cell.at_k[1].pass, 0.675, 1e-12);
  EXPECT_NEAR(cell.at_k[1].pass_ci95->low, 0.675 - 1.959964 * 0.1030776, 1e-6);
  EXPECT_NEAR(cell.at_k[1].pass_ci95->high, 0.675 + 1.959964 * 0.1030776, 1e-6);
  EXPECT_FALSE(cell.at_k[1].majority);  // programs have no votes
}

// maj@2 of the first task 1 and 1/2, of the second 1/2 and 0; no gain anywhere leaves 1 - sqrt(0.025) to either side.
TEST(AtK, OfWeightedTasksCountsVotes) {
  SeedGroup first, second;
  first.ids = second.ids = {"a", "b"};
  first.seeds = second.seeds = {1, 2};
  first.candidates = {{0, 0}, {0, 1}};
  first.grades = {{1, 0}, {1, 1}};
  second.candidates = {{0, 0}, {1, 0}};
  second.grades = {{1, 0}, {0, 0}};
  const std::vector<AtK> values = compose_at_k({{0.25, &first}, {0.75, &second}}, {2});
  ASSERT_EQ(values.size(), 1U);
  EXPECT_NEAR(*values[0].majority, 0.375, 1e-12);
  const double se = std::sqrt(0.25 * 0.25 * 0.0625 + 0.75 * 0.75 * 0.0625);
  EXPECT_NEAR(values[0].majority_ci95->high, 0.375 + 1.959964 * se, 1e-6);
  EXPECT_EQ(*values[0].gain, 0);
  EXPECT_NEAR(values[0].gain_ci95->low, std::sqrt(0.025) - 1, 1e-12);
  EXPECT_NEAR(values[0].gain_ci95->high, 1 - std::sqrt(0.025), 1e-12);
}

// The study's files hold no answers: they are found in the texts; ours are as recorded. A wrong answer whose thought is
// right is counted.
TEST(Collect, TakesAnswersAndGradesThoughts) {
  ResultFile file{.path = "m-bf16-seed42/GSM8K.jsonl", .format = ResultFormat::kStudy, .header = {}, .answers = {}};
  file.header = {.task = "GSM8K", .model = "m-bf16", .method = "", .seed = 42, .dataset = {}, .provenance = {}};
  AnswerRecord answer;
  answer.problem_id = "q0";
  answer.gold = "4";
  answer.full_prompt = "2 + 2?<think>\n";
  answer.text = "It is \\boxed{4}.</think>\n\nThe answer is \\boxed{5}.";
  file.answers = {answer, answer};
  file.answers[1].problem_id = "q1";
  file.answers[1].text = "It is \\boxed{6}.</think>\n\nThe answer is \\boxed{5}.";
  EXPECT_TRUE(to_study_run(file).run.answers.empty());
  EXPECT_THAT(to_study_run(file).run.in_thought, ElementsAre(true, false));
  EXPECT_THAT(to_study_run(file, Collected::kAnswers).run.answers, ElementsAre("5", "5"));
  file.format = ResultFormat::kOurs;
  file.answers[0].extracted = "recorded";
  EXPECT_EQ(to_study_run(file, Collected::kAnswers).run.answers[0], "recorded");
  file.answers[0].grade = 1;
  EXPECT_THAT(to_study_run(file).run.in_thought, ElementsAre(false, false));
  file.header.task = "LiveCodeBench";
  EXPECT_TRUE(to_study_run(file, Collected::kAnswers).run.in_thought.empty());
  file.header.task = "of nobody";
  EXPECT_TRUE(to_study_run(file, Collected::kAnswers).run.answers.empty());
}

TEST(Table, CountsAnswersThatAreRightInTheirThought) {
  std::vector<StudyRun> runs = {a_run("bf16", "GSM8K", 42, "1100"), a_run("rtn-w3", "GSM8K", 42, "1000")};
  EXPECT_THAT(to_summary(make_table(runs, {})), Not(HasSubstr("in thought")));
  EXPECT_TRUE(to_json(make_table(runs, {}))["rows"][0]["tasks"]["GSM8K"]["right_in_thought_rate"].is_null());
  runs[0].run.in_thought = {false, false, false, false};
  runs[1].run.in_thought = {false, true, false, false};
  const StudyTable table = make_table(runs, {});
  EXPECT_THAT(to_summary(table), HasSubstr(" | in thought |\n"));
  EXPECT_THAT(to_summary(table), HasSubstr(" | 25.0 % |\n"));
  EXPECT_THAT(to_summary(table), HasSubstr(" in thought: answers that are wrong and right in their thought."));
  EXPECT_EQ(to_json(table)["rows"][1]["tasks"]["GSM8K"]["right_in_thought_rate"], 0.25);
  EXPECT_THAT(to_csv(table), HasSubstr(",right_in_thought_rate\n"));
  EXPECT_THAT(to_csv(table), HasSubstr(",0.25\n"));
}

}  // namespace
}  // namespace qreason
