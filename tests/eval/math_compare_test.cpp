// Equality of answers. Expected verdicts: arithmetic by hand; the labelled cases named in each test.
#include "eval/graders/math/compare.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "eval/graders/math/extract.h"
#include "eval/graders/math/math_grader.h"
#include "eval/graders/math/rational.h"
#include "support/fixtures.h"
#include "support/json_lines.h"

namespace qreason::math {
namespace {

struct Case {
  const char* gold;
  const char* answer;
};

TEST(SameAnswer, AnyCommandMayStandFirst) {
  for (const char* answer : {"\\degree", "$\\degree C$", "\\circ", "^\\circ", "\\boxed{\\degree}"})
    EXPECT_FALSE(same_answer("45", answer)) << answer;
}

TEST(SameAnswer, AcceptsOtherWritingsOfTheSameValue) {
  const Case cases[] = {
      {"18", "18"},
      {"-5", "-5.0"},
      {"1080", "1,080"},
      {"10,\\!080", "10080"},
      {"1000000", "10^6"},
      {"14916", "14{,}916"},
      {"033", "33"},
      {"0.5", "\\frac{1}{2}"},
      {"\\frac43", "\\dfrac{4}{3}"},
      {"\\frac{270}7\\text{ degrees}", "\\frac{270}{7}^\\circ"},
      {"1\\frac{4}{5}", "\\frac{9}{5}"},
      {"137 \\frac{1}{2}", "137.5"},
      {"1.8", "1 4/5"},
      {"90^\\circ", "90"},
      {"45", "45\\degree"},
      {"45", "45^\\degree"},
      {"28\\%", "28"},
      {"28\\%", "0.28"},
      {"\\$18.90", "18.9"},
      {"15\\mbox{ cm}^2", "15"},
      {"125 miles", "125"},
      {"x=5", "5"},
      {"5", "x = 5"},
      {"3\\sqrt{13}", "\\sqrt{117}"},
      {"11\\sqrt2", "11 \\sqrt{2}"},
      {"\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt{3}}"},
      {"18+2\\pi", "2\\pi + 18"},
      {"6 - 5i", "-5i+6"},
      {"2k+2", "2(k+1)"},
      {"(a+5)(b+2)", "(b+2)(a+5)"},
      {"\\frac{x+2}{7}", "\\frac{x}{7}+\\frac{2}{7}"},
      {"\\tan^2(y)+1", "\\sec^2(y)"},
      {"x^5 - x^4 + x - 1", "(x-1)(x^4+1)"},
      {"1,-2", "-2, 1"},
      {"1 \\pm \\sqrt{19}", "1-\\sqrt{19}, 1+\\sqrt{19}"},
      {"\\{1\\pm\\sqrt{5},-2\\}", "-2, 1+\\sqrt{5}, 1-\\sqrt{5}"},
      {"\\left( 3, \\frac{\\pi}{2} \\right)", "(3, \\pi/2)"},
      {"(2,12) \\cup (12,102)", "x \\in (12,102)\\cup(2,12)"},
      {"x \\in [-2,7]", "-2 \\le x \\le 7"},
      {"(5,\\infty)", "x > 5"},
      {"\\begin{pmatrix} -1/3 \\\\ 2/3 \\end{pmatrix}", "\\begin{pmatrix} -\\frac13 \\\\ \\frac23 \\end{pmatrix}"},
      {"5x - 7y + 11z + 4 = 0", "-5x+7y-11z-4=0"},
      {"y = 2x + 3", "2x - y + 3 = 0"},
      {"x < 1", "-x > -1"},
      {"2516_8", "2516_{8}"},
      {"204_5", "204"},
      {"\\text{(C)}", "C"},
      {"\\text{Evelyn}", "evelyn"},
      {"\\text{even}", "\\text{Even}"},
      {"\\binom{5}{2}", "10"},
      {"5!", "120"},
      {"\\log_2 8", "3"},
      {".0000672", "6.72 \\times 10^{-5}"},
      {"2^{127}", "2 \\cdot 2^{126}"},
      {"2^{200}", "4^{100}"},
      {"50!", "50 \\cdot 49!"},
      {"\\frac{1}{3}", "0.\\overline{3}"},
      {"\\frac{1}{6}", "0.1\\overline{6}"},
      {"1", "2(\\frac{1}{2})"},
      {"\\sin^2 x", "\\sin(x)^2"},
      {"\\arctan 2", "\\tan^{-1}(2)"},
      {"\\frac12", "\\sin 30^\\circ"},
      {"1000000", "1 million"},
      {"24", "2 dozen"},
      {"2\\ln x", "\\ln x^2"},
      {"0", "\\sin \\pi"},
      {"x_{1}+1", "x_1 + 1"},
      {"3", "\\left\\lfloor\\frac{7}{2}\\right\\rfloor"},
      {"\\text{odd}", "odd"},
  };
  for (const Case& c : cases) EXPECT_TRUE(same_answer(c.gold, c.answer)) << c.gold << " against " << c.answer;
}

TEST(SameAnswer, RejectsOtherValues) {
  const Case cases[] = {
      {"18", "19"},
      {"18", "-18"},
      {"18", ""},
      {"2", "\\frac{1+\\sqrt{5}}{2}"},
      {"4", "4\\sqrt{2}"},
      {"\\sqrt{19}", "1"},
      {"[0,1)", "(0,1)"},
      {"(3,1)", "(1,3)"},
      {"1,-2", "1"},
      {"1 \\pm \\sqrt{19}", "1+\\sqrt{19}"},
      {"204_5", "54"},
      {"204_5", "204_6"},
      {"x > 5", "x < 5"},
      {"x+2n+1", "x+1"},
      {"7 = 11a+c", "11a+c"},
      {"\\begin{pmatrix}1 & 2 \\\\ 3 & 4\\end{pmatrix}", "\\begin{pmatrix}1 & 2 \\\\ 3 & 5\\end{pmatrix}"},
      {"\\text{odd}", "\\text{even}"},
      {"(C)", "D"},
      {"\\frac{1}{3}", "0.33"},
      {"12000000000000000000000000000000000000000000001", "12000000000000000000000000000000000000000000002"},
      {"10080", "10,80"},
      {"1/0", "2/0"},
      // Structure: braces group.
      {"2^{n-1}", "2^{n}-1"},
      {"\\frac{1}{2x}", "\\frac{1}{2}x"},
      {"\\sqrt{x+1}", "\\sqrt{x}+1"},
      {"x_{n+1}", "x_{n}+1"},
      {"\\frac{3}{56}", "\\frac{3}{5}6"},
      {"\\sqrt[3]{2x}", "\\sqrt[3]{2}x"},
      {"y=2^{x+1}", "y=2^{x}+1"},
      {"\\sin(x^2)", "\\sin(x)^2"},
      // Magnitudes.
      {"10^{-40}", "10^{-41}"},
      {"1.6\\times 10^{-19}", "9.1\\times 10^{-31}"},
      {"0.000001", "0.000002"},
      {"3^{100}", "3^{100}+1"},
      {"2^{140}", "2^{141}"},
      {"\\frac{\\pi}{2^{50}}", "\\frac{\\pi}{2^{51}}"},
      {"\\frac{\\sqrt2}{10^{14}}", "\\frac{\\sqrt3}{10^{14}}"},
      {"0.\\overline{3}", "0"},
      // Functions that agree on small positive numbers alone.
      {"|x|", "x"},
      {"|x-3|", "3-x"},
      {"\\sqrt{x^2}", "x"},
      // Words, times, intervals, degrees.
      {"3", "3 million"},
      {"4:30", "2:15"},
      {"[0,1)", "0,1"},
      {"6.5", "5(\\frac{3}{2})"},
      {"\\sin 1", "\\sin 1^\\circ"},
  };
  for (const Case& c : cases) EXPECT_FALSE(same_answer(c.gold, c.answer)) << c.gold << " against " << c.answer;
}

// Labelled pairs (tests/data/grading/README.md): no wrong answer is accepted, and no right one rejected but those
// argued in docs/grading.md.
TEST(SameAnswer, GradesEveryLabelledPair) {
  const std::set<std::string> argued = {"\\boxed{99999999999999999999999999999999999999999999999999999..."};
  for (const char* file :
       {"faults.jsonl", "extraction_faults.jsonl", "kinds_extraction.jsonl", "more_kinds_extraction.jsonl",
        "pieces_and_orders_extraction.jsonl", "opened_kinds_extraction.jsonl", "styles_extraction.jsonl",
        "said_of_values_extraction.jsonl", "final_answers_extraction.jsonl"}) {
    for (const Json& row : testing::read_json_lines(testing::project_path("tests/data/grading") / file)) {
      const std::string text = row["text"], gold = row["gold"];
      const bool correct = grade_math(text, gold).correct;
      if (argued.contains(text)) continue;
      EXPECT_EQ(correct, row["equal"].get<int>() == 1) << text << " for " << gold;
    }
  }
}

TEST(SameAnswer, JudgesEveryKindAsByHand) {
  for (const char* file :
       {"kinds.jsonl", "more_kinds.jsonl", "brackets_and_relations.jsonl", "pieces_and_orders.jsonl",
        "opened_kinds.jsonl", "styles.jsonl", "operators_and_sizes.jsonl", "words_and_labels.jsonl"}) {
    for (const Json& row : testing::read_json_lines(testing::project_path("tests/data/grading") / file)) {
      const std::string answer = row["text"], gold = row["gold"];
      const bool equal = row["equal"].get<int>() == 1;
      EXPECT_EQ(same_answer(gold, answer), equal) << answer << " for " << gold;
      EXPECT_EQ(same_answer(answer, gold), equal) << gold << " for " << answer;
      EXPECT_TRUE(same_answer(answer, answer)) << answer;
    }
  }
}

TEST(SameAnswer, SaysWhatDecided) {
  EXPECT_EQ(compare_answers("2^{200}", "4^{100}").why, "the same normal form");
  EXPECT_EQ(compare_answers("10000000000!", "9999999999!").why, "not defined, or too large to decide");
  EXPECT_EQ(compare_answers(std::string(5000, '1'), std::string(5000, '2')).why, "too large to decide");
  EXPECT_EQ(compare_answers("5\\text{ cm}", "5\\text{ kg}").why, "different kinds of units");
}

TEST(SameAnswer, AgreesOnDecimalsToTheAskedPrecision) {
  EXPECT_TRUE(same_answer("\\frac{1}{3}", "0.3333", {.precision = 4}));
  EXPECT_FALSE(same_answer("\\frac{1}{3}", "0.3333", {.precision = 5}));
  EXPECT_TRUE(same_answer("\\sqrt{17}", "4.123105625617661"));
}

// The 16 unit tests of Hendrycks' MATH is_equiv. It compares texts, so it calls two reordered lists different, which as
// sets of solutions they are not; both are counted here.
TEST(SameAnswer, MeetsHendrycksCasesUpToTheOrderOfLists) {
  QREASON_REQUIRE_SHARED(path, "data/hendrycks_math_cases/cases.jsonl");
  for (const Json& row : testing::read_json_lines(path)) {
    const std::string source = row["source_test"];
    const bool reordered_list = source.ends_with("test_order") || source.ends_with("test_decimals");
    EXPECT_EQ(same_answer(row["gold"].get<std::string>(), row["pred"].get<std::string>()),
              row["expected"].get<int>() == 1 || reordered_list)
        << source;
  }
}

TEST(SameAnswer, FindsEveryMath500AnswerInItsSolutionAndNoOtherNeighbour) {
  const auto rows = testing::read_json_lines(testing::project_path("data/math500/test.jsonl"));
  ASSERT_EQ(rows.size(), 500U);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string answer = rows[i]["answer"];
    const std::string solution = rows[i]["solution"];
    EXPECT_TRUE(grade_math("so \\boxed{" + answer + "}.", solution).correct) << answer;
    EXPECT_TRUE(grade_math("The answer is $" + answer + "$.", answer).correct) << answer;
    const std::string next = rows[(i + 1) % rows.size()]["answer"];
    const bool same = next == answer || (answer == "5" && next == "x=5");
    EXPECT_EQ(same_answer(answer, next), same) << answer << " against " << next;
  }
}

// What fuzzing found: five symbols and e in one absolute value, whose zeros were looked for in 60 ms; fractions of 3000
// binary digits at sample points took 140 ms; a group that never closes was marked beyond the end of the tokens; the
// exponential of an inexact number was looked at after it was moved from, where the compiler ordered the two so.
TEST(SameAnswer, SurvivesWhatFuzzingFound) {
  EXPECT_FALSE(same_answer("70", "rd{7"));
  EXPECT_FALSE(same_answer("{7", "8"));
  EXPECT_FALSE(same_answer("1;3", "1,2|" + std::string(150, 'y') + "as|,3"));
  EXPECT_FALSE(same_answer("|dozeNx|-\xb1,2,33", "1,2,4"));
  EXPECT_TRUE(same_answer("\u221b8", "2"));
  EXPECT_TRUE(same_answer("2^{\\sqrt2}", "(\\sqrt2)^{2\\sqrt2}"));
}

TEST(SameAnswer, NeverCrashesAndStaysBoundedOnArbitraryBytes) {
  PythonRandom random(7);
  const std::string alphabet = "\\{}()[]|^_$,;:.+-*/!%<>= 0123456789xye\xff\xe2\x88\x9a\n&";
  const std::vector<std::string> words = {"\\frac",   "\\sqrt",  "\\begin{pmatrix}", "\\end{pmatrix}", "\\pm",
                                          "\\boxed{", "\\left(", "\\text{",          "\\cup",          "1,000",
                                          "^{"};
  for (int round = 0; round < 4000; ++round) {
    std::string a, b;
    for (std::string* text : {&a, &b}) {
      const auto length = random.randint(0, 60);
      for (int i = 0; i < length; ++i) {
        if (random.randint(0, 4) == 0)
          *text += words[static_cast<std::size_t>(random.randint(0, static_cast<std::int64_t>(words.size()) - 1))];
        else
          *text +=
              alphabet[static_cast<std::size_t>(random.randint(0, static_cast<std::int64_t>(alphabet.size()) - 1))];
      }
    }
    same_answer(a, b);
    grade_math(a, b);
  }
  for (const char* piece : {"(", "{", "\\frac{", "-", "1/", "x!", "2^", "\\sqrt", "|", "[1,", "\\{1,", "1,",
                            "x=", "\\begin{matrix}", "\\boxed{"}) {
    std::string deep;
    while (deep.size() < 100'000) deep += piece;
    grade_math(deep, deep);
    grade_math(deep.substr(0, 3900), deep.substr(0, 3800));
  }
}

TEST(Rational, IsExactToItsLimitAndSaysWhatIsBeyond) {
  const auto big = Rational(1'000'000'007).to_power(600);  // about 2^17940
  ASSERT_TRUE(big);
  EXPECT_FALSE(big->times(*big));
  EXPECT_EQ(big->over(*big), Rational(1));
  EXPECT_FALSE(Rational(1).over(Rational(0)));
  EXPECT_FALSE(Rational(2).to_power(std::int64_t{1} << 40));
  EXPECT_EQ(Rational(-1).to_power((std::int64_t{1} << 40) + 1), Rational(-1));
  EXPECT_EQ(Rational(-6).over(Rational(-4)), Rational(3).over(Rational(2)));
  EXPECT_EQ(Rational(-2).to_power(-3), Rational(-1).over(Rational(8)));
  EXPECT_EQ(Rational::from_decimal("0.125"), Rational(1).over(Rational(8)));
  EXPECT_EQ(Rational::from_base("204", 5), Rational(54));
  EXPECT_FALSE(Rational::from_base("205", 5));
  EXPECT_FALSE(Rational::from_decimal("1.2.3"));
  EXPECT_FALSE(Rational::from_decimal("."));
  EXPECT_EQ(Rational(-7).over(Rational(2))->floor(), -4);
  EXPECT_EQ(Rational(5).over(Rational(2))->rounded(), 2);  // halves to even
  EXPECT_EQ(Rational(-7).over(Rational(2))->rounded(), -4);
  EXPECT_EQ(Rational(-8).over(Rational(3))->rounded(), -3);
}

}  // namespace
}  // namespace qreason::math
