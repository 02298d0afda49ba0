#include "eval/graders/grader_table.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "eval/graders/choice/choice_grader.h"
#include "eval/graders/code/code_grader.h"
#include "eval/graders/math/compare.h"
#include "eval/graders/math/math_grader.h"

namespace qreason {
namespace {

std::string fault_of_value(std::string_view gold) {
  return gold.find_first_not_of(" \t\r\n") == std::string_view::npos ? "an answer" : "";
}

// It is made here, of the tests.
std::string nothing_wrong(std::string_view /*gold*/) {
  return "";
}

std::string fault_of_letter(std::string_view gold) {
  return gold_choice(gold) ? "" : "the letter of a choice";
}

}  // namespace

std::span<const NamedGrader> grader_table() {
  static const CodeGraders code = code_graders({});
  static const std::vector<NamedGrader> kGraders{
      {"math", [](std::string_view text, const Problem& problem) { return grade_math(text, problem.gold); },
       [](std::string_view text, const Problem& problem) { return explain_math(text, problem.gold); }, fault_of_value,
       GradedBy::kGold, [](std::string_view a, std::string_view b) { return math::same_answer(a, b); }},
      {"choice", [](std::string_view text, const Problem& problem) { return grade_choice(text, problem.gold); },
       [](std::string_view text, const Problem& problem) { return explain_choice(text, problem.gold); },
       fault_of_letter, GradedBy::kGold, std::equal_to<>()},
      {"code", code.grader, code.explainer, nothing_wrong, GradedBy::kTests},
  };
  return kGraders;
}

const NamedGrader* find_grader(std::string_view name) {
  const auto graders = grader_table();
  const auto found =
      std::find_if(graders.begin(), graders.end(), [&](const NamedGrader& row) { return row.name == name; });
  return found == graders.end() ? nullptr : &*found;
}

}  // namespace qreason
