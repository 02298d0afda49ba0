// What answers must satisfy before a number is made of them: one set of rules for evaluating, grading and tables, so
// that a file that lost or gained answers is never counted as if it were whole.
#pragma once

#include <cstdint>
#include <string>

#include "eval/results.h"

namespace qreason {

// One answer of a run: its id is not empty, seed and sample are the header's (one sample, number 0), counts of tokens
// are 0 to a billion (-1, not known, where the header names an endpoint) and
// within the header's max_tokens where it names one, the finish reason is "stop" or "length", the
// time a finite number from 0. Errors name `where` and the member.
void check_answer(const AnswerRecord& answer, const ResultHeader& header, const std::string& where);

// How many answers the finished file of this header holds: its dataset.count. An Error naming `where` without it.
std::int64_t expected_answers(const ResultHeader& header, const std::string& where);

// A finished file: every problem once, as many as expected. Its answers were checked one by one.
void check_complete(const ResultFile& file);

}  // namespace qreason
