#include "eval/tasks/gpqa.h"

#include <algorithm>

#include "base/random.h"
#include "eval/graders/grader_table.h"

namespace qreason {
namespace {

constexpr std::string_view kPrompt =
    "Answer the following multiple choice question. The last line of your response should be of the following format: "
    "'Answer: $LETTER' (without quotes) where LETTER is one of ABCD. Think step by step before answering.\n\n";
constexpr std::size_t kWrongAnswers = 3;

// As lighteval does: one draw a row, in the order of the file, before the rows are shuffled (docs/tasks.md).
void pose(std::vector<Problem>& problems, std::uint64_t shuffle_seed) {
  PythonRandom random(shuffle_seed);
  std::vector<std::size_t> drawn;
  for (Problem& problem : problems) {
    const auto row = static_cast<std::size_t>(problem.row);
    while (drawn.size() <= row) drawn.push_back(static_cast<std::size_t>(random.randint(0, kWrongAnswers)));
    std::vector<std::string> choices = problem.wrong_answers;
    choices.insert(choices.begin() + static_cast<std::ptrdiff_t>(drawn[row]), problem.gold);
    problem.question += "\n";
    for (std::size_t i = 0; i < choices.size(); ++i)
      problem.question += std::string("\n") + static_cast<char>('A' + i) + ") " + choices[i];
    problem.gold = std::string(1, static_cast<char>('A' + drawn[row]));
  }
}

std::string prompt(const Problem& problem) {
  return std::string(kPrompt) + problem.question;
}

}  // namespace

Task gpqa_diamond_task() {
  constexpr const char* kName = "GPQA-Diamond";
  const NamedGrader& choice = *find_grader("choice");
  return {.name = kName,
          .dataset = kName,
          .pose = pose,
          .prompt = prompt,
          .grader = choice.grader,
          .explainer = choice.explainer,
          .same_answer = choice.same_answer};
}

}  // namespace qreason
