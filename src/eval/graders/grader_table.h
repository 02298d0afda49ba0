// Graders by the names that task files give them. To add one: a row.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "eval/graders/grade.h"

namespace qreason {

struct NamedGrader {
  std::string_view name;
  Grader grader;
  Explainer explainer;
  // What a gold answer must be, in a few words, where it cannot be one; empty where it can.
  std::string (*fault_of_gold)(std::string_view gold);
  GradedBy graded_by = GradedBy::kGold;
  SameAnswer same_answer = {};  // of programs none
};

std::span<const NamedGrader> grader_table();
const NamedGrader* find_grader(std::string_view name);  // nullptr for none

}  // namespace qreason
