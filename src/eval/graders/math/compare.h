// Whether two answers are the same answer.
#pragma once

#include <string>
#include <string_view>

namespace qreason::math {

struct CompareOptions {
  int precision = 5;  // decimals to which an answer written as a decimal must agree (the study's 5)
};

struct Verdict {
  bool equal = false;
  std::string why;  // one clause: what decided
};

// Equal as texts in a normal form that keeps structure (text_form.h), or as values: numbers and functions
// (value_compare.h), units and percentages, ratios, tuples, intervals, sets and lists, matrices, equations up to a
// factor, inequalities up to a positive factor. An equation "x = value" equals its value. What cannot be decided is not
// equal. docs/grading.md has the rules. Time is bounded for any bytes.
Verdict compare_answers(std::string_view gold, std::string_view answer, const CompareOptions& options = {});

inline bool same_answer(std::string_view gold, std::string_view answer, const CompareOptions& options = {}) {
  return compare_answers(gold, answer, options).equal;
}

// The same for what was found in a model's text; and where gold is a number, an answer that says it of a sum of names
// ("m + n = 116") or as a remainder ("371 \pmod{1000}") is right, too (written_value.h). Not symmetric.
Verdict grade_answer(std::string_view gold, std::string_view answer, const CompareOptions& options = {});

// What the text is read as, one line a reading ("sum(3, product(2, x))"); for people.
std::string described_readings(std::string_view text);

}  // namespace qreason::math
