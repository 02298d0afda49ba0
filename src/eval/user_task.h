// Tasks of a user: a .toml file that names data, prompt and grader (docs/tasks.md).
//
//   name = "capitals"            # of result files and columns
//   source = "capitals.jsonl"    # a file of any format that is read, beside this one or from here
//   prompt = "{question} ({continent}) ..."
//   grader = "math"              # eval/graders/grader_table.h
//   metric = "accuracy"
//   [columns]
//   question = "q"
//   gold = "a"
//   id = "key"                   # may be left out: rows are counted then
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/json.h"
#include "eval/task.h"

namespace qreason {

// Errors name file, line, key, what was got and what was expected. The data are read when the task's `load` is called;
// its Errors name file, row and column. The definition goes into the headers of results.
Task parse_user_task(std::string_view text, const std::filesystem::path& file);
Task read_user_task(const std::filesystem::path& file);

// The task that a header's definition tells of: for grading what was generated before; it has no data to load.
Task user_task_of(const OrderedJson& definition, const std::string& where);

// `text` with {question} and {column} replaced; {{ and }} are braces, {} stays as it is. Errors name `where` and the
// column that is missing.
std::string fill_prompt(std::string_view text, const Problem& problem, const std::string& where);

}  // namespace qreason
