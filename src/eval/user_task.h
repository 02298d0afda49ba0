// Tasks of a user: a .toml file that names data, prompt and grader (eval/task_definition.h, docs/tasks.md).
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

// The task that a header's definition tells of: for grading what was generated before. It loads its data, which only
// programs need, from the working directory.
Task user_task_of(const OrderedJson& definition, const std::string& where);

// `text` with {question} and {column} replaced; {{ and }} are braces, {} stays as it is. Errors name `where` and the
// column that is missing.
std::string fill_prompt(std::string_view text, const Problem& problem, const std::string& where);

}  // namespace qreason
