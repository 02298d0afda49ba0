// The JSON Lines in which answers are kept: a header line, then one line an answer. Results (eval/results.h) carry what
// grading and tables need; traces are what calibration reads:
//
//   {"qreason_traces": 1, "run": {the header of a result file}}
//   {"id", "prompt", "generation", "prompt_tokens", "output_tokens", "finish_reason", "seed", "gold", "grade"}
//
// "prompt" is the whole text that the model saw, "generation" all that it wrote; "grade" is null where the problem has
// no gold answer. Traces hold no times: two runs give the same bytes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "eval/results.h"

namespace qreason {

struct AnswerForm {
  OrderedJson (*header)(const ResultHeader& header);
  std::string (*line)(const AnswerRecord& record);
  // Errors name `where`.
  ResultHeader (*parse_header)(const Json& json, const std::string& where);
  AnswerRecord (*parse_line)(const Json& json, const std::string& where);
};
const AnswerForm& result_form();
const AnswerForm& trace_form();

// The header as one line, without newline.
std::string header_line(const AnswerForm& form, const ResultHeader& header);

// Header and answers, written atomically.
void write_answers(const std::filesystem::path& path, const AnswerForm& form, const ResultHeader& header,
                   const std::vector<AnswerRecord>& answers);

// A finished file: all of its answers, checked (eval/answer_check.h). Errors name file and line.
ResultFile read_answers(const std::filesystem::path& path, const AnswerForm& form);

// The header alone, without reading the answers.
ResultHeader read_header(const std::filesystem::path& path, const AnswerForm& form);

}  // namespace qreason
