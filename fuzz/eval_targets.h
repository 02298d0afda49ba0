// Graders and result files. An Error is a result; any other exception, a crash, a hang or a sanitizer's report is a
// finding.
//
// A pair is two texts with a zero byte between them: the gold answer (or expected output), then what was written.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/journal.h"
#include "eval/answer_form.h"
#include "eval/graders/choice/choice_grader.h"
#include "eval/graders/code/extract_code.h"
#include "eval/graders/code/plain_value.h"
#include "eval/graders/code/text_compare.h"
#include "eval/graders/math/compare.h"
#include "eval/graders/math/math_grader.h"
#include "eval/graders/math/text_form.h"
#include "eval/results.h"
#include "file_in_memory.h"

namespace qreason::fuzz {

inline std::pair<std::string_view, std::string_view> pair_of(std::span<const std::uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string_view first = text.substr(0, text.find('\0'));
  return {first, text.substr(std::min(text.size(), first.size() + 1))};
}

inline void require(bool holds, const char* property) {
  if (!holds) throw std::logic_error(property);
}

// Also: an answer equals itself, and which of two comes first changes nothing.
inline unsigned grade_math_pair(std::span<const std::uint8_t> bytes) {
  const auto [gold, text] = pair_of(bytes);
  const bool correct = grade_math(text, gold).correct;
  explain_math(text, gold);
  if (math::is_empty_text(gold) || math::is_empty_text(text)) return correct ? 1 : 0;
  require(math::same_answer(text, text), "an answer equals itself");
  require(math::same_answer(gold, text) == math::same_answer(text, gold), "the order does not matter");
  return correct ? 1 : 0;
}

inline unsigned grade_choice_pair(std::span<const std::uint8_t> bytes) {
  const auto [gold, text] = pair_of(bytes);
  explain_choice(text, gold);
  return grade_choice(text, gold).correct ? 1 : 0;
}

// What a program printed or reported against what was expected.
inline unsigned judge_output(std::span<const std::uint8_t> bytes) {
  const auto [expected, output] = pair_of(bytes);
  unsigned sum = static_cast<unsigned>(extract_code(output).size());
  require(equal_outputs(output, expected) == equal_outputs(expected, output), "the order does not matter");
  const PlainValue reported = parse_reported_value(output);
  try {
    const PlainValue value = parse_expected_value(expected, "expected");
    require(equal_values(value, reported) == equal_values(reported, value), "the order does not matter");
    sum += equal_values(value, reported) ? 1 : 0;
  } catch (const Error&) {
  }
  return sum;
}

inline unsigned read_as_results(std::span<const std::uint8_t> bytes) {
  const FileInMemory file(bytes);
  unsigned sum = 0;
  const auto tried = [&](auto read) {
    try {
      sum += static_cast<unsigned>(read());
    } catch (const Error&) {
    }
  };
  tried([&] { return read_result_file(file.path()).answers.size(); });
  tried([&] { return read_answers(file.path(), trace_form()).answers.size(); });
  tried([&] { return read_header(file.path(), result_form()).task.size(); });
  tried([&] { return read_journal_lines(file.path()).size(); });
  return sum;
}

}  // namespace qreason::fuzz
