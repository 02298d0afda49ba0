#include "eval/graders/math/math_grader.h"

#include <algorithm>

#include "eval/graders/math/compare.h"
#include "eval/graders/math/extract.h"
#include "eval/graders/thinking.h"

namespace qreason {

std::string gold_answer(std::string_view gold) {
  if (math::find_boxes(gold).empty()) return std::string(gold);
  return math::extract_answer(gold).answer;
}

Grade grade_math(std::string_view text, std::string_view gold) {
  math::Extraction found = math::extract_answer(text);
  if (found.found_by == math::FoundBy::kNothing) return {};
  const bool correct = math::grade_answer(gold_answer(gold), found.answer).equal;
  return {correct, std::move(found.answer)};
}

namespace {

std::string_view found_by_name(math::FoundBy found_by) {
  switch (found_by) {
    case math::FoundBy::kBox:
      return "in a box";
    case math::FoundBy::kAnchor:
      return "behind a phrase that announces it";
    case math::FoundBy::kFormula:
      return "as the last formula";
    case math::FoundBy::kNumber:
      return "as the last number";
    case math::FoundBy::kWhole:
      return "as the whole text";
    case math::FoundBy::kNothing:
      break;
  }
  return "nowhere";
}

std::string indented(std::string_view lines) {
  std::string result;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    result += "  read as: " + std::string(lines.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return result;
}

}  // namespace

std::string explain_math(std::string_view text, std::string_view gold) {
  const math::Extraction found = math::extract_answer(text);
  std::string lines;
  if (thought_is_unfinished("", text)) lines += "thought: not finished; the whole text is searched\n";
  lines += "found: " + std::string(found_by_name(found.found_by)) + "\n";
  const std::string expected = gold_answer(gold);
  lines += "answer: " + found.answer + "\n" + indented(math::described_readings(found.answer));
  lines += "gold: " + expected + "\n" + indented(math::described_readings(expected));
  if (found.found_by == math::FoundBy::kNothing) return lines + "verdict: wrong: no answer\n";
  const math::Verdict verdict = math::grade_answer(expected, found.answer);
  return lines + "verdict: " + (verdict.equal ? "right: " : "wrong: ") + verdict.why + "\n";
}

}  // namespace qreason
