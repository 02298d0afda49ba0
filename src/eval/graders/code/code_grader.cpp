#include "eval/graders/code/code_grader.h"

#include <fmt/format.h>

#include <memory>
#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "data/code_dataset.h"
#include "eval/graders/code/extract_code.h"
#include "eval/graders/code/judge.h"

namespace qreason {
namespace {

std::string described(const CodeVerdict& verdict, std::size_t tests) {
  if (verdict.outcome == TestOutcome::kPassed) return fmt::format("all {} tests passed", tests);
  return fmt::format("test {} of {}: {}{}{}", verdict.test + 1, tests, outcome_name(verdict.outcome),
                     verdict.detail.empty() ? "" : ": ", verdict.detail);
}

class CodeGrader {
 public:
  explicit CodeGrader(const CodeGrading& grading)
      : judge_({.wall_seconds = 2 * grading.seconds.value_or(kTestSeconds),
                .cpu_seconds = grading.seconds.value_or(kTestSeconds)},
               grading.workers > 0 ? grading.workers : usable_cores(), grading.place) {}

  Grade grade(std::string_view text, const Problem& problem) {
    Grade grade{.extracted = extract_code(text)};
    if (!grade.extracted.empty())
      grade.correct = judge(grade.extracted, tests_of(problem), problem).outcome == TestOutcome::kPassed;
    return grade;
  }

  std::string explain(std::string_view text, const Problem& problem) {
    const std::string program = extract_code(text);
    if (program.empty()) return "program: none, no fenced block is closed\nwrong\n";
    const CodeProblem tests = tests_of(problem);
    const CodeVerdict verdict = judge(program, tests, problem);
    return fmt::format("program:\n{}{}\n{}\n", program, described(verdict, tests.tests.size()),
                       verdict.outcome == TestOutcome::kPassed ? "right" : "wrong");
  }

 private:
  CodeVerdict judge(std::string_view program, const CodeProblem& tests, const Problem& problem) {
    return judge_.judge(program, tests, fmt::format("problem {}", problem.id));
  }

  CodeJudge judge_;
};

void try_out(const SandboxPlace& place) {
  CodeJudge judge({}, 1, place);
  const CodeVerdict verdict = judge.judge("print(input())", {.function = {}, .tests = {{"1", "1"}}}, "the sandbox");
  if (verdict.outcome != TestOutcome::kPassed)
    throw Error("the sandbox",
                fmt::format("a program that prints 1 ends with {}: {}", outcome_name(verdict.outcome), verdict.detail),
                "Python 3.9 or later in it");
}

}  // namespace

CodeGraders code_graders(const CodeGrading& grading) {
  const auto grader = std::make_shared<CodeGrader>(grading);
  return {[grader](std::string_view text, const Problem& problem) { return grader->grade(text, problem); },
          [grader](std::string_view text, const Problem& problem) { return grader->explain(text, problem); }};
}

bool is_test_time(double seconds) {
  return seconds >= 0.1 && seconds <= 3600;
}

OrderedJson recorded_grading(double seconds, const SandboxPlace& place) {
  OrderedJson grading{{"test_seconds", seconds},
                      {"sandbox", place.isolation == Isolation::kSandbox ? "bubblewrap" : "none"}};
  if (place.packages.empty()) return grading;
  constexpr std::string_view kEnding = ".dist-info";
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(place.packages))
    if (const std::string name = entry.path().filename().string(); name.ends_with(kEnding))
      names.insert(name.substr(0, name.size() - kEnding.size()));
  grading["packages"] = names;
  return grading;
}

FoundIsolation find_isolation(UnsafeExecution unsafe, const std::filesystem::path& packages) {
  FoundIsolation found;
  try {
    try_out({});
  } catch (const Error& error) {
    if (unsafe == UnsafeExecution::kRefused) throw;
    try_out({.isolation = Isolation::kNone});
    found = {.isolation = Isolation::kNone, .refusal = error.what()};
  }
  if (!packages.empty()) try_out({.isolation = found.isolation, .packages = packages});
  return found;
}

}  // namespace qreason
