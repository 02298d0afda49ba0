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

Task livecodebench_task(const CodeGrading& grading) {
  const char* const name = "LiveCodeBench";
  CodeGraders graders = code_graders(grading);
  return {.name = name,
          .dataset = name,
          .pose = {},
          .prompt = prompt,
          .grader = std::move(graders.grader),
          .explainer = std::move(graders.explainer),
          .graded_by = GradedBy::kTests,
          .grading = {{"test_seconds", grading.seconds}, {"sandbox", recorded_name(grading.isolation)}}};
}

}  // namespace qreason
