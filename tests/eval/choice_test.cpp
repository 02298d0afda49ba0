// Which choice a text takes. Expected letters: judged by hand; tests/data/grading/choice.jsonl: labelled by lighteval
// and Math-Verify.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "eval/graders/choice/choice_grader.h"
#include "support/fixtures.h"
#include "support/json_lines.h"

namespace qreason {
namespace {

// The letter found, or "-" for none.
std::string letter(std::string_view text) {
  const Grade grade = grade_choice(text, "B");
  EXPECT_EQ(grade.correct, grade.extracted == "B") << text;
  return grade.extracted.empty() ? "-" : grade.extracted;
}

TEST(Choice, AgreesWithAllLabelledCases) {
  const auto cases = testing::read_json_lines(testing::project_path("tests/data/grading/choice.jsonl"));
  ASSERT_EQ(cases.size(), 58U);
  for (const Json& row : cases)
    EXPECT_EQ(grade_choice(row["text"].get<std::string>(), row["gold"].get<std::string>()).correct, row["equal"] == 1)
        << row;
}

TEST(Choice, AgreesWithTheCasesJudgedByHand) {
  for (const char* file : {"taken_back_choices.jsonl", "announced_choices.jsonl"})
    for (const Json& row : testing::read_json_lines(testing::project_path("tests/data/grading") / file))
      EXPECT_EQ(grade_choice(row["text"].get<std::string>(), row["gold"].get<std::string>()).correct, row["equal"] == 1)
          << row;
}

TEST(Choice, ReadsTheLetterBehindTheLastAnswerLineInItsVariations) {
  for (const char* form : {"B",
                           "B.",
                           "(B)",
                           "[B]",
                           "**B**",
                           "*B*",
                           "__B__",
                           "`B`",
                           "\"B\"",
                           "'B'",
                           "$B$",
                           "\\(B\\)",
                           "\\[B\\]",
                           "\\boxed{B}",
                           "$\\boxed{B}$",
                           "\\boxed{\\text{B}}",
                           "\\boxed{(B)}",
                           "\\boxed{\\textbf{(B)}}",
                           "\\text{B}",
                           "$\\text{B}$",
                           "\\textbf{B}",
                           "$\\mathbf{B}$",
                           "$\\mathrm{B}$",
                           "**(B)**",
                           "(b)",
                           "**b**",
                           "\\boxed{b}",
                           "\\text{b}",
                           "\"b\"",
                           "B) 10^-4 eV",
                           "B. The second one",
                           "B: the second one",
                           "B - the second",
                           "B, since it is larger",
                           "B because it is",
                           "Option B",
                           "option (B)",
                           "**Option B**",
                           "Choice B",
                           "the letter B",
                           "<b>B</b>",
                           "\n\nB",
                           "\n**B**\n",
                           "definitely B",
                           "It is B",
                           "I think it's B.",
                           "The correct option is B",
                           "B\n\nThe others are wrong: A is too small.",
                           "B is correct",
                           "\xEF\xBC\xA2",
                           "\xE2\x80\x9C"
                           "B\xE2\x80\x9D",
                           "\xEF\xBC\x88"
                           "B\xEF\xBC\x89",
                           "B\\)",
                           "B}$",
                           "<B>",
                           "{B}",
                           "***B***",
                           "B) ~0.5",
                           "(B) < 5 MeV",
                           "B) = x"}) {
    EXPECT_EQ(letter(fmt::format("A and C look fine.\n\nAnswer: {}", form)), "B") << form;
    EXPECT_EQ(letter(fmt::format("<think>Answer: C</think>**Answer:** {}", form)), "B") << form;
  }
  for (const char* line :
       {"**Answer: B**", "*Answer: B*", "**Answer**: B", "ANSWER: B", "answer:B", "Final Answer: B", "### Answer:\nB",
        "Answer\xEF\xBC\x9A B", "\\text{Answer: B}", "\\boxed{\\text{Answer: B}}", "$\\text{Answer: B}$", "'Answer: B'",
        "`Answer: B`", "Answer choice: B", "The form is 'Answer: $LETTER'. So:\n\nAnswer: B",
        "Answer: A\nOn reflection:\nAnswer: B", "Answer: B\n\nRemember: 'Answer: $LETTER'."})
    EXPECT_EQ(letter(line), "B") << line;
}

TEST(Choice, ReadsWhatIsAnnouncedOtherwise) {
  for (const char* text : {"\\boxed{B}",
                           "So $$\\boxed{\\text{B}}$$ it is.",
                           "\\fbox{B}",
                           "\\boxed{B) 10\\,eV}",
                           "First \\boxed{10}, then \\boxed{B}",
                           "The energy is \\boxed{B}, as \\(E = 5\\).",
                           "The answer is B.",
                           "The correct answer is (B) Au.",
                           "Therefore, the correct choice would be **B**.",
                           "The best answer among these is therefore option B.",
                           "The answer must be B",
                           "The answer is:\n\n**B**",
                           "I choose B.",
                           "I'd go with B.",
                           "It must be B.",
                           "Therefore it is B.",
                           "Option B is correct.",
                           "Hence B is the right answer.",
                           "A is wrong and the answer is B.",
                           "The answer is not A. The answer is B.",
                           "(B)",
                           "**B**",
                           "B) the second",
                           "B. Text\n\nBecause of this.",
                           "Long story.\n\n**B) the second**",
                           "Is the answer A? No. The answer is B.",
                           "If it were cold, the answer would differ. It's B.",
                           "La respuesta es B.",
                           "Die Antwort lautet B.",
                           "\xE7\xAD\x94\xE6\xA1\x88\xE6\x98\xAF"
                           "B",
                           "\xE7\xAD\x94\xE6\xA1\x88\xEF\xBC\x9A"
                           "B",
                           "The answer is A. Wait, the answer is B.",
                           "Correct option: (B)",
                           "answer = B",
                           "Answer - B",
                           "My final choice: B"})
    EXPECT_EQ(letter(text), "B") << text;
}

TEST(Choice, TakesNothingFromTextsThatMakeNoChoiceOrTwo) {
  for (const char* text : {"Answer: A or B",
                           "Answer: B or C",
                           "Answer: B and C",
                           "Answer: B, C",
                           "Answer: B/C",
                           "Answer: B & C",
                           "Answer: (B) or (C)",
                           "Answer: either B or C",
                           "Answer: both A and B",
                           "Answer: B - C",
                           "Answer: BC",
                           "Answer: ABCD",
                           "Answer: B C",
                           "Answer: not B",
                           "Answer: None",
                           "Answer: N/A",
                           "Answer:",
                           "Answer: ",
                           "Answer: $LETTER",
                           "Answer: 42",
                           "Answer: b",
                           "Answer: Because",
                           "Answer: Boron",
                           "Answer: Be",
                           "Answer: B-type",
                           "Answer: B's",
                           "Answer: B_1",
                           "Answer: B2",
                           "Answer: B^2",
                           "Answer: B = 5 T",
                           "Answer: $B = \\mu_0 I$",
                           "Answer: B(x)",
                           "Answer: B+",
                           "Answer: B*C",
                           "Answer: B -> C",
                           "Answer: A \xE2\x86\x92 B",
                           "Answer: B to C",
                           "Options: B",
                           "Answer: B\xC2\xB2",
                           "Answer: B\xE2\x82\x81",
                           "Answer: B cells",
                           "Answer: B \\approx 2",
                           "Answer: \xCE\x92",
                           "Answer: vitamin B",
                           "Answer: bB",
                           "\\boxed{AB}",
                           "\\boxed{B = 5}",
                           "\\boxed{B, C}",
                           "\\boxed{42}",
                           "The answer is A or B.",
                           "The answer could be B.",
                           "The answer might be B.",
                           "If the answer is B, then it breaks.",
                           "I do not think the answer is B.",
                           "The answer is not B.",
                           "Is the answer B?",
                           "The wrong answer is B.",
                           "It's B or C.",
                           "B is not correct.",
                           "I would not choose B.",
                           "Option B is wrong.",
                           "A) one\nB) two\nC) three\nD) four",
                           "B is a vector.",
                           "The field B is right-handed.",
                           "Answer: B\n\nActually, the answer is C.",
                           "Answer: C\nAnswer: B or C",
                           "\\boxed{B} Hmm, so the answer is C.",
                           "It's A. It's B.",
                           "",
                           "Vitamin B is the best.",
                           "In case A it's B, in case B it's C.",
                           "\\boxed{\\boxed{",
                           "Answer: A) one\nB) two\nC) three\nD) four"}) {
    const std::string found = letter(text);
    EXPECT_NE(found, "B") << text;
  }
  EXPECT_EQ(letter("Answer: A) one\nB) two\nC) three\nD) four"), "A");
  EXPECT_EQ(letter("Answer: A triangle"), "-");
  EXPECT_EQ(letter("Answer: A Gaussian"), "-");
  EXPECT_EQ(letter("Answer: I think so"), "-");
  EXPECT_EQ(letter("Answer: A"), "A");
  EXPECT_EQ(letter("Answer: E"), "E");
  EXPECT_EQ(letter("The answer is B.</think>"), "-");
}

TEST(Choice, TakesNothingThatIsTakenBackConditionalOrAsked) {
  for (const char* text :
       {"Answer: A is incorrect", "Answer: A is not right, B is", "Answer: B is false", "Answer: B isn't it",
        "Answer: **B** is clearly wrong", "\\boxed{B} is wrong", "$\\boxed{B}$ is not correct",
        "The answer is B if x>0, else C.", "Answer: B unless x is 0", "If x then Answer: B", "A) x B) y C) z D) w",
        "(A) x (B) y (C) z (D) w", "A. x B. y C. z D. w", "Answer: A) x B) y C) z D) w", "Answer: B?",
        "Answer: B $\\neq$ A", "Answer: $B \\ne A$", "\\boxed{A}, \\boxed{B}", "\\boxed{A} or \\boxed{B}"})
    EXPECT_EQ(letter(text), "-") << text;
  for (const char* text : {"Answer: B is right", "Answer: B\nIs it? If so, good.", "So A is not it.\nAnswer: B",
                           "I doubted A, but Answer: B", "\\boxed{A}\n\nNo: \\boxed{B}",
                           "(B) since (A) is wrong and (C) too", "B. it can't be A. C. is no better"})
    EXPECT_EQ(letter(text), "B") << text;
}

TEST(Choice, ReadsGolds) {
  EXPECT_EQ(gold_choice("b"), 'B');
  EXPECT_EQ(gold_choice(" (D) the last"), 'D');
  EXPECT_EQ(gold_choice("A Peter\nCelina"), 'A');
  EXPECT_EQ(gold_choice("the answer is C"), 'C');
  EXPECT_EQ(gold_choice("42"), std::nullopt);
  EXPECT_EQ(gold_choice(""), std::nullopt);
  EXPECT_FALSE(grade_choice("Answer: B", "nothing").correct);
  EXPECT_FALSE(grade_choice("nothing", "nothing").correct);
}

TEST(Choice, ExplainsItselfWithoutAWordOfTheText) {
  EXPECT_EQ(explain_choice("the secret row\n\nAnswer: B", "C"),
            "found: behind the last \"Answer:\"\nanswer: B\ngold: C\nverdict: wrong: another letter\n");
  EXPECT_EQ(explain_choice("the secret row\n\nAnswer: B or C", "C"),
            "found: behind the last \"Answer:\", where not one alone is taken\nanswer: none\ngold: C\n"
            "verdict: wrong: no choice is made\n");
  EXPECT_EQ(
      explain_choice("<think>the answer is C", "C"),
      "thought: not finished; the whole text is searched\nfound: in the last sentence that announces it\nanswer: C\n"
      "gold: C\nverdict: right: the same letter\n");
}

TEST(Choice, IsFastOnAnyBytes) {
  for (const char* piece : {"\\boxed{", "Answer:", "answer is ", "the ", "(", "*", " ", "\n", "B ", "B\n", "it is ",
                            "option ", "\xE7\xAD\x94\xE6\xA1\x88", "'", "\xC3", "\\", "B is the ", "answer to the "}) {
    std::string text;
    while (text.size() < (1U << 20)) text += piece;
    grade_choice(text, "B");
    grade_choice(text + "Answer: B", "B");
  }
}

}  // namespace
}  // namespace qreason
