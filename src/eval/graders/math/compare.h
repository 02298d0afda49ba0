// Whether two answers are the same answer.
#pragma once

#include <string>
#include <string_view>

namespace qreason::math {

struct CompareOptions {
  int precision = 5;  // decimals to which an answer written as a decimal must agree (the study's 5)
};

// Equal as texts (text_form.h), or as values: numbers, expressions in variables, tuples and intervals (ordered),
// sets and lists (unordered), unions, matrices, equations up to a factor, inequalities up to a positive factor. An
// equation "x = value" equals its value. "28%" equals "28" and "0.28". Time is bounded by the square of the lengths.
bool same_answer(std::string_view gold, std::string_view answer, const CompareOptions& options = {});

}  // namespace qreason::math
