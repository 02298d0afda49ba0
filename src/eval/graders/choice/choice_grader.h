// Grades multiple-choice answers: which letter a model takes, against the gold one. A pure function of its arguments;
// bounded in time and memory for any bytes. docs/grading.md says what is taken for a choice.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "eval/graders/grade.h"

namespace qreason {

// `gold` is a letter, or a text that a letter begins or is announced in ("(D) the last one").
Grade grade_choice(std::string_view text, std::string_view gold);

// The grade for people: where a choice was found and what decided; one line each. Nothing of the question is in it.
std::string explain_choice(std::string_view text, std::string_view gold);

// The letter, in upper case, that a gold answer means; nullopt for none.
std::optional<char> gold_choice(std::string_view gold);

}  // namespace qreason
