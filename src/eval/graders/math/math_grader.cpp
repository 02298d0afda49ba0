#include "eval/graders/math/math_grader.h"

#include "eval/graders/math/compare.h"
#include "eval/graders/math/extract.h"

namespace qreason {

std::string gold_answer(std::string_view gold) {
  if (math::find_boxes(gold).empty()) return std::string(gold);
  return math::extract_answer(gold).answer;
}

Grade grade_math(std::string_view text, std::string_view gold) {
  math::Extraction found = math::extract_answer(text);
  if (found.found_by == math::FoundBy::kNothing) return {};
  const bool correct = math::same_answer(gold_answer(gold), found.answer);
  return {correct, std::move(found.answer)};
}

}  // namespace qreason
