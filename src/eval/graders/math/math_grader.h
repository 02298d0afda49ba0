// Grades mathematical answers: what the model wrote against a gold answer. A pure function of its arguments; bounded in
// time and memory for any bytes.
#pragma once

#include <string>
#include <string_view>

#include "eval/graders/grade.h"

namespace qreason {

// `gold` is the answer itself ("18", "\frac{1}{2}") or a text that holds it in its last box (a worked solution).
Grade grade_math(std::string_view text, std::string_view gold);

// The grade for people: where the answer was found, what both are read as, and what decided; one line each.
std::string explain_math(std::string_view text, std::string_view gold);

// The answer in a worked solution: its last box, else the text itself.
std::string gold_answer(std::string_view gold);

}  // namespace qreason
