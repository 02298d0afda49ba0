#include "eval/tasks/livecodebench.h"

namespace qreason {
namespace {

// The study's prompt (evaluation.md section 2), to the byte.
std::string prompt(const Problem& problem) {
  const auto starter = problem.fields.find("starter_code");
  std::string text =
      "You will be given a question (problem specification) and will generate a correct Python program that matches "
      "the "
      "specification and passes all tests.\n\nQuestion: " +
      problem.question + "\n\n";
  if (starter != problem.fields.end() && !starter->second.empty()) {
    text +=
        "You will use the following starter code to write the solution to the problem and enclose your code within "
        "delimiters.```python\n" +
        starter->second;
  } else {
    text +=
        "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the "
        "sample "
        "inputs). Enclose your code within delimiters as follows.```python\n# YOUR CODE HERE";
  }
  return text + "\n```\n\n";
}

}  // namespace

Task livecodebench_task() {
  const char* const name = "LiveCodeBench";
  return with_code_grading({.name = name,
                            .dataset = name,
                            .pose = {},
                            .prompt = prompt,
                            .grader = {},
                            .explainer = {},
                            .graded_by = GradedBy::kTests},
                           {});
}

}  // namespace qreason
